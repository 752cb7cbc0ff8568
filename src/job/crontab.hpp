// Crontab: minutes of the calendar, in five fields as cron has them and with Celery's meaning.
//
//   minute  hour  day of the month  month  weekday          "0 4 * * mon-fri"
//
// A field is a list of: `*`, `*/2` (every second one), `5`, `1-5`, `1-30/3`; a range may go round
// the end (`22-2`). Months and weekdays have names too (`jan`, `sunday`); Sunday is 0, and 7. A day
// must fit both day fields and the month: cron itself takes either of the two day fields.
//
// A plain value; safe on any thread. Errors are `invalid`, and name the field.
#pragma once

#include "job/time_zone.hpp"

#include <optional>

namespace indaba::job {

class Crontab {
 public:
  // What no day of any year fits (30 February) is an error too.
  [[nodiscard]] static Result<Crontab> parse(std::string_view text);

  // The next slot later than `after`.
  //
  // Where clocks are put forward, what they pass over comes the moment they are; where they are put
  // back, what they show twice comes the first time. But what comes in every hour (its hours are
  // all of them) comes in every hour that passes: each of two hours that look alike has its own
  // slots, and one that is left out has none.
  [[nodiscard]] WallTime next(WallTime after, const TimeZone& zone) const;

  [[nodiscard]] bool fits(LocalMinute local) const;
  // As it was written, with one space between the fields.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  using Day = std::chrono::local_days;
  [[nodiscard]] bool fits_day(Day day) const;
  [[nodiscard]] std::optional<std::chrono::minutes> first_of_day(std::chrono::minutes from) const;
  [[nodiscard]] std::optional<LocalMinute> next_local(LocalMinute after) const;
  [[nodiscard]] WallTime next_by_hours_that_pass(WallTime after, const TimeZone& zone) const;

  // A bit a value, from bit 0 on.
  std::uint64_t minutes_ = 0;
  std::uint64_t hours_ = 0;
  std::uint64_t days_ = 0;
  std::uint64_t months_ = 0;
  std::uint64_t weekdays_ = 0;
  std::string text_;
};

}  // namespace indaba::job
