// TimeZone: what clocks show somewhere, by the machine's own time zone database (tzdata).
//
// A plain value, safe on any thread. "UTC" needs no database. A zone is read once and kept as long
// as the process runs: what a package update changes is seen after a restart.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>

namespace date {
class time_zone;
}

namespace indaba::job {

// What a clock on the wall shows, without saying where.
using LocalMinute = std::chrono::local_time<std::chrono::minutes>;

class TimeZone {
 public:
  TimeZone() = default;  // UTC
  // "Africa/Johannesburg". ErrorKind::invalid where there is none of this name.
  [[nodiscard]] static Result<TimeZone> find(std::string_view name);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  // A time in which clocks are not changed: local is UTC plus `offset`.
  struct Period {
    WallTime begin;
    WallTime end;
    std::chrono::seconds offset{};
  };
  [[nodiscard]] Period at(WallTime time) const;
  // What clocks show, without their seconds.
  [[nodiscard]] LocalMinute local(WallTime time) const;
  // When they show it. What they never show, because they are put forward over it, is the moment
  // when they are; of what they show twice, the first time.
  [[nodiscard]] WallTime when(LocalMinute local) const;

 private:
  const date::time_zone* zone_ = nullptr;  // of the library's, which keeps it for ever
  std::string name_ = "UTC";
};

}  // namespace indaba::job
