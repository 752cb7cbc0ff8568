#include "job/time_zone.hpp"

#include <date/tz.h>
#include <fmt/format.h>
#include <stdexcept>

namespace indaba::job {

namespace {

using std::chrono::floor;
using std::chrono::minutes;
using std::chrono::seconds;

// The library's ends of time do not fit into milliseconds.
WallTime clamp(std::chrono::sys_seconds time) {
  constexpr auto kFirst = std::chrono::floor<seconds>(WallTime::min()) + seconds(1);
  constexpr auto kLast = std::chrono::floor<seconds>(WallTime::max());
  return time <= kFirst ? WallTime::min() : time >= kLast ? WallTime::max() : WallTime(time);
}

}  // namespace

Result<TimeZone> TimeZone::find(std::string_view name) {
  TimeZone zone;
  if (name == zone.name_) return zone;
  zone.name_ = name;
  try {
    zone.zone_ = date::locate_zone(zone.name_);
    static_cast<void>(zone.zone_->get_info(std::chrono::sys_seconds()));  // reads it
  } catch (const std::exception&) {
    return Error::invalid_field(
        "zone",
        fmt::format("there is no time zone \"{}\": use a name such as Africa/Johannesburg", name));
  }
  return zone;
}

TimeZone::Period TimeZone::at(WallTime time) const {
  if (zone_ == nullptr) return {WallTime::min(), WallTime::max(), seconds(0)};
  const auto info = zone_->get_info(floor<seconds>(time));
  return {clamp(info.begin), clamp(info.end), info.offset};
}

LocalMinute TimeZone::local(WallTime time) const {
  const auto shown = floor<minutes>(time.time_since_epoch() + at(time).offset);
  return LocalMinute(shown);
}

WallTime TimeZone::when(LocalMinute local) const {
  const auto shown = local.time_since_epoch();
  if (zone_ == nullptr) return WallTime(shown);
  const auto info = zone_->get_info(date::local_seconds(shown));
  if (info.result == date::local_info::nonexistent) return clamp(info.first.end);
  return WallTime(shown - info.first.offset);
}

}  // namespace indaba::job
