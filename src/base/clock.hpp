// Time behind a seam, so that the engine runs on simulated time too.
//
// Wall time is for what people and tokens see; monotonic time is for time-outs and leases. Neither
// is ever used to order events: that is what `Seq` is for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace indaba {

using Millis = std::chrono::milliseconds;
// Unix time in milliseconds.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Millis>;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Millis>;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime wall() const = 0;
  [[nodiscard]] virtual MonoTime mono() const = 0;
};

// The machine's clocks. Safe on any thread.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] MonoTime mono() const override;
};

// A clock that stands still until it is moved. For tests and simulation.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override { return wall_; }
  [[nodiscard]] MonoTime mono() const override { return mono_; }
  void advance(Millis by) {
    wall_ += by;
    mono_ += by;
  }
  void jump_wall(Millis by) { wall_ += by; }

 private:
  WallTime wall_{std::chrono::seconds{1'768'000'000}};
  MonoTime mono_{std::chrono::seconds{1'000}};
};

[[nodiscard]] inline std::int64_t to_millis(WallTime t) noexcept {
  return t.time_since_epoch().count();
}
[[nodiscard]] inline WallTime from_millis(std::int64_t ms) noexcept {
  return WallTime(Millis(ms));
}

// "2026-01-12T09:30:00.123Z" (RFC 3339, UTC, milliseconds).
[[nodiscard]] std::string to_rfc3339(WallTime t);
// RFC 3339 with any offset and any fraction (cut to milliseconds), years 0001 to 9999 in UTC. No
// leap seconds: Unix time has none.
[[nodiscard]] std::optional<WallTime> parse_rfc3339(std::string_view text) noexcept;

}  // namespace indaba
