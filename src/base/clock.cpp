#include "base/clock.hpp"

#include <fmt/format.h>

namespace indaba {
namespace {

// Takes fixed-width fields off the front of a text, and remembers whether all of them were there.
struct FieldReader {
  std::string_view rest;
  bool ok = true;

  int digits(std::size_t count) noexcept {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest.empty() || rest.front() < '0' || rest.front() > '9') return fail();
      value = value * 10 + (rest.front() - '0');
      rest.remove_prefix(1);
    }
    return value;
  }
  void literal(std::string_view one_of) noexcept {
    if (rest.empty() || one_of.find(rest.front()) == std::string_view::npos) {
      fail();
      return;
    }
    rest.remove_prefix(1);
  }
  int fail() noexcept {
    ok = false;
    return 0;
  }
};

// ".5" is 500 ms; digits behind the third are cut. 0 where there is no fraction.
int read_fraction_millis(FieldReader& in) noexcept {
  if (!in.rest.starts_with('.')) return 0;
  in.rest.remove_prefix(1);
  int millis = 0;
  int digits = 0;
  for (; !in.rest.empty() && in.rest.front() >= '0' && in.rest.front() <= '9'; ++digits) {
    if (digits < 3) millis = millis * 10 + (in.rest.front() - '0');
    in.rest.remove_prefix(1);
  }
  if (digits == 0) return in.fail();
  for (; digits < 3; ++digits) millis *= 10;
  return millis;
}

// "Z" or "+02:00": how far that place is ahead of UTC.
std::chrono::minutes read_offset(FieldReader& in) noexcept {
  if (in.rest == "Z" || in.rest == "z") {
    in.rest = {};
    return {};
  }
  const bool behind = in.rest.starts_with('-');
  in.literal("+-");
  const int hours = in.digits(2);
  in.literal(":");
  const int minutes = in.digits(2);
  if (hours > 23 || minutes > 59 || !in.rest.empty()) in.fail();
  const std::chrono::minutes offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return behind ? -offset : offset;
}

}  // namespace

WallTime SystemClock::wall() const {
  return std::chrono::floor<Millis>(std::chrono::system_clock::now());
}

MonoTime SystemClock::mono() const {
  return std::chrono::floor<Millis>(std::chrono::steady_clock::now());
}

std::string to_rfc3339(WallTime t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{t - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

std::optional<WallTime> parse_rfc3339(std::string_view text) noexcept {
  using namespace std::chrono;
  FieldReader in{text};
  const int y = in.digits(4);
  in.literal("-");
  const int mon = in.digits(2);
  in.literal("-");
  const int d = in.digits(2);
  in.literal("Tt");
  const int h = in.digits(2);
  in.literal(":");
  const int min = in.digits(2);
  in.literal(":");
  const int s = in.digits(2);
  const int ms = read_fraction_millis(in);
  const minutes offset = read_offset(in);
  const year_month_day date(year(y), month(static_cast<unsigned>(mon)),
                            day(static_cast<unsigned>(d)));
  if (!in.ok || !date.ok() || h > 23 || min > 59 || s > 59) return std::nullopt;
  const WallTime t = sys_days(date) + hours(h) + minutes(min) + seconds(s) + Millis(ms) - offset;
  constexpr WallTime kFirst = sys_days(year(1) / 1 / 1);
  constexpr WallTime kEnd = sys_days(year(10000) / 1 / 1);
  if (t < kFirst || t >= kEnd) return std::nullopt;
  return t;
}

}  // namespace indaba
