#include "job/crontab.hpp"

#include "base/check.hpp"
#include "base/text.hpp"

#include <bit>
#include <span>

namespace indaba::job {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;

// 29 February falls on each weekday within 40 years.
constexpr days kLongest{41 * 366};
constexpr std::uint64_t kAllHours = (std::uint64_t{1} << 24U) - 1;

constexpr auto kMonths =
    std::to_array<std::string_view>({"january", "february", "march", "april", "may", "june", "july",
                                     "august", "september", "october", "november", "december"});
constexpr auto kWeekdays = std::to_array<std::string_view>(
    {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"});

struct Field {
  std::string_view name;
  int first;
  int last;
  std::span<const std::string_view> names{};  // of `first` and those that follow
  [[nodiscard]] bool is_weekday() const { return names.size() == kWeekdays.size(); }
};

constexpr std::size_t kFields = 5;
constexpr std::array<Field, kFields> kField{{{"minute", 0, 59},
                                             {"hour", 0, 23},
                                             {"day of the month", 1, 31},
                                             {"month", 1, 12, kMonths},
                                             {"weekday", 0, 6, kWeekdays}}};

Error wrong(const Field& field, std::string_view part, std::string_view why) {
  return Error::invalid_field(std::string(field.name),
                              fmt::format("the {} \"{}\" {}", field.name, part, why));
}

std::optional<int> digits(std::string_view text) {
  constexpr std::size_t kMost = 4;
  if (text.empty() || text.size() > kMost ||
      text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  return static_cast<int>(*text::parse_int64(text));
}

// A name in full, or its first three letters.
std::optional<int> named(const Field& field, std::string_view text) {
  constexpr std::size_t kShort = 3;
  for (std::size_t i = 0; i < field.names.size(); ++i)
    if (text::equal_ignoring_case(text, field.names[i]) ||
        text::equal_ignoring_case(text, field.names[i].substr(0, kShort)))
      return field.first + static_cast<int>(i);
  return std::nullopt;
}

Result<int> number(const Field& field, std::string_view text, std::string_view part) {
  auto found = digits(text);
  if (!found) found = named(field, text);
  if (!found) return wrong(field, part, "is not understood");
  const int last = field.last + (field.is_weekday() ? 1 : 0);  // Sunday again
  if (*found < field.first || *found > last)
    return wrong(field, part, fmt::format("must be from {} to {}", field.first, last));
  return *found;
}

// The values of a part in its order, which its step counts by.
Result<std::vector<int>> values_of(const Field& field, std::string_view range,
                                   std::string_view part) {
  std::vector<int> values;
  int from = field.first;
  int to = field.last;
  if (range != "*") {
    const auto dash = range.find('-');
    INDABA_TRY(from, number(field, range.substr(0, dash), part));
    to = from;
    if (dash != std::string_view::npos) {
      INDABA_TRY(to, number(field, range.substr(dash + 1), part));
      if (field.is_weekday() && from > field.last) {
        from = field.first;
        to = to > field.last ? from : to;
      }
    }
  }
  const int size = field.last - field.first + 1;
  const int count = to >= from ? to - from + 1 : to - from + 1 + size;
  for (int i = 0; i < count; ++i) values.push_back(field.first + (from - field.first + i) % size);
  return values;
}

Result<std::uint64_t> bits_of(const Field& field, std::string_view text) {
  std::uint64_t bits = 0;
  for (const auto part : text::split(text, ',')) {
    const auto slash = part.find('/');
    const auto range = part.substr(0, slash);
    INDABA_TRY(const auto values, values_of(field, range, part));
    std::size_t step = 1;
    if (slash != std::string_view::npos) {
      const auto told = digits(part.substr(slash + 1));
      if (!told || *told == 0) return wrong(field, part, "needs a step from 1 on behind its slash");
      if (range != "*" && range.find('-') == std::string_view::npos)
        return wrong(field, part, "has a step, and so must be * or a range");
      step = static_cast<std::size_t>(*told);
    }
    for (std::size_t i = 0; i < values.size(); i += step)
      bits |= std::uint64_t{1} << static_cast<unsigned>(values[i]);
  }
  return bits;
}

bool has(std::uint64_t bits, unsigned value) {
  return (bits >> value & 1U) != 0;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  constexpr std::string_view kBlank = " \t";
  for (auto at = text.find_first_not_of(kBlank); at != std::string_view::npos;) {
    const auto end = text.find_first_of(kBlank, at);
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kBlank, std::min(end, text.size()));
  }
  return words;
}

}  // namespace

Result<Crontab> Crontab::parse(std::string_view text) {
  const auto words = words_of(text);
  if (words.size() != kFields)
    return Error::invalid_field(
        "crontab", fmt::format("a crontab has five fields (minute, hour, day of the month, month, "
                               "weekday), and \"{}\" has {}",
                               text, words.size()));
  Crontab crontab;
  const std::array<std::uint64_t*, kFields> bits{&crontab.minutes_, &crontab.hours_, &crontab.days_,
                                                 &crontab.months_, &crontab.weekdays_};
  for (std::size_t i = 0; i < kFields; ++i) {
    INDABA_TRY(*bits[i], bits_of(kField[i], words[i]));
  }
  crontab.text_ = fmt::format("{}", fmt::join(words, " "));
  if (!crontab.next_local(LocalMinute()))
    return wrong(kField[2], words[2], "never comes in these months");
  return crontab;
}

bool Crontab::fits_day(Day day) const {
  const std::chrono::year_month_day date(day);
  return has(months_, static_cast<unsigned>(date.month())) &&
         has(days_, static_cast<unsigned>(date.day())) &&
         has(weekdays_, std::chrono::weekday(day).c_encoding());
}

bool Crontab::fits(LocalMinute local) const {
  const auto day = floor<days>(local);
  return fits_day(day) && first_of_day(local - day) == local - day;
}

// The first minute of a day that fits, not before `from`.
std::optional<minutes> Crontab::first_of_day(minutes from) const {
  const auto begin = static_cast<unsigned>(floor<hours>(from).count());
  for (unsigned hour = begin; hour < 24; ++hour) {
    if (!has(hours_, hour)) continue;
    const auto skip = hour == begin ? static_cast<unsigned>((from % hours(1)).count()) : 0U;
    const auto left = minutes_ >> skip;
    if (left == 0) continue;
    return hours(hour) + minutes(skip + static_cast<unsigned>(std::countr_zero(left)));
  }
  return std::nullopt;
}

std::optional<LocalMinute> Crontab::next_local(LocalMinute after) const {
  auto from = after + minutes(1);
  const auto end = from + kLongest;
  while (from < end) {
    const auto day = floor<days>(from);
    const std::chrono::year_month_day date(day);
    if (!has(months_, static_cast<unsigned>(date.month()))) {
      from = Day(date.year() / date.month() / std::chrono::last) + days(1);
      continue;
    }
    if (fits_day(day))
      if (const auto time = first_of_day(from - day)) return day + *time;
    from = day + days(1);
  }
  return std::nullopt;
}

WallTime Crontab::next(WallTime after, const TimeZone& zone) const {
  if (hours_ == kAllHours) return next_by_hours_that_pass(after, zone);
  auto local = zone.local(after);
  for (;;) {
    const auto found = next_local(local);
    check(found.has_value(), "what never comes is no crontab");
    const auto slot = zone.when(*found);
    if (slot > after) return slot;
    local = *found;  // clocks were put back, and show it again
  }
}

WallTime Crontab::next_by_hours_that_pass(WallTime after, const TimeZone& zone) const {
  auto period = zone.at(after);
  auto local = zone.local(after);
  for (;;) {
    const auto found = next_local(local);
    check(found.has_value(), "what never comes is no crontab");
    const WallTime slot(found->time_since_epoch() - period.offset);
    if (slot < period.end) return slot;
    // Its first minute counts too.
    local = zone.local(period.end) - minutes(1);
    period = zone.at(period.end);
  }
}

}  // namespace indaba::job
