#include "job/crontab.hpp"

#include <gtest/gtest.h>
#include <random>

namespace indaba::job {
namespace {

Crontab crontab(std::string_view text) {
  auto parsed = Crontab::parse(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().detail);
  return *std::move(parsed);
}

TimeZone zone(std::string_view name) {
  return TimeZone::find(name).value();
}

WallTime at(std::string_view text) {
  return parse_rfc3339(text).value();
}

std::string next(std::string_view text, std::string_view after, std::string_view where = "UTC") {
  return to_rfc3339(crontab(text).next(at(after), zone(where)));
}

std::string refusal(std::string_view text) {
  const auto parsed = Crontab::parse(text);
  return parsed ? "" : parsed.error().detail;
}

TEST(CrontabTest, a_slot_is_later_than_the_moment_that_is_asked_for) {
  EXPECT_EQ(next("* * * * *", "2026-03-01T10:00:00Z"), "2026-03-01T10:01:00.000Z");
  EXPECT_EQ(next("* * * * *", "2026-03-01T10:00:59.999Z"), "2026-03-01T10:01:00.000Z");
  EXPECT_EQ(next("0 4 * * *", "2026-03-01T03:59:59Z"), "2026-03-01T04:00:00.000Z");
  EXPECT_EQ(next("0 4 * * *", "2026-03-01T04:00:00Z"), "2026-03-02T04:00:00.000Z");
}

TEST(CrontabTest, fields_are_lists_of_ranges_and_steps) {
  EXPECT_EQ(next("*/15 * * * *", "2026-03-01T10:15:00Z"), "2026-03-01T10:30:00.000Z");
  EXPECT_EQ(next("1,13,30-45,50-59/2 * * * *", "2026-03-01T10:50:00Z"), "2026-03-01T10:52:00.000Z");
  EXPECT_EQ(next("0 0,8-17/2 * * *", "2026-03-01T00:00:00Z"), "2026-03-01T08:00:00.000Z");
  EXPECT_EQ(next("0 22-2/2 * * *", "2026-03-01T02:00:00Z"), "2026-03-01T22:00:00.000Z");
  EXPECT_EQ(next("0 0 1 */3 *", "2026-03-01T00:00:00Z"), "2026-04-01T00:00:00.000Z");
  EXPECT_EQ(next("0 0 1 */100 *", "2026-03-01T00:00:00Z"), "2027-01-01T00:00:00.000Z");
  EXPECT_EQ(next("  0\t4  * * * ", "2026-03-01T00:00:00Z"), "2026-03-01T04:00:00.000Z");
}

TEST(CrontabTest, months_and_weekdays_have_names_and_sunday_two_numbers) {
  EXPECT_EQ(next("0 0 * * mon-fri", "2026-03-06T12:00:00Z"), "2026-03-09T00:00:00.000Z");
  EXPECT_EQ(next("0 0 1 Feb,december *", "2026-03-06T12:00:00Z"), "2026-12-01T00:00:00.000Z");
  for (const auto* sunday : {"0", "7", "sun", "Sunday", "7-7"})
    EXPECT_EQ(next(std::string("0 0 * * ") + sunday, "2026-03-06T12:00:00Z"),
              "2026-03-08T00:00:00.000Z")
        << sunday;
  EXPECT_EQ(next("0 0 * * 5-7", "2026-03-07T12:00:00Z"), "2026-03-08T00:00:00.000Z");
  EXPECT_EQ(next("0 0 * * 7-1", "2026-03-08T12:00:00Z"), "2026-03-09T00:00:00.000Z");
  EXPECT_EQ(next("0 0 * * sat-mon", "2026-03-09T12:00:00Z"), "2026-03-14T00:00:00.000Z");
  EXPECT_EQ(next("0 0 * * 1-7/3", "2026-03-06T12:00:00Z"), "2026-03-08T00:00:00.000Z");
}

TEST(CrontabTest, a_day_fits_both_of_the_day_fields) {
  EXPECT_EQ(next("0 0 13 * fri", "2026-03-14T00:00:00Z"), "2026-11-13T00:00:00.000Z");
  EXPECT_EQ(next("0 0 1-7 * mon", "2026-03-03T00:00:00Z"), "2026-04-06T00:00:00.000Z");
  EXPECT_EQ(next("0 0 29 2 mon", "2026-01-01T00:00:00Z"), "2044-02-29T00:00:00.000Z");
  EXPECT_EQ(next("0 0 31 * *", "2026-03-31T00:00:00Z"), "2026-05-31T00:00:00.000Z");
}

TEST(CrontabTest, a_mistake_names_its_field) {
  EXPECT_EQ(refusal("* * * *"),
            "a crontab has five fields (minute, hour, day of the month, month, weekday), and \"* * "
            "* *\" has 4");
  EXPECT_EQ(refusal("60 * * * *"), "the minute \"60\" must be from 0 to 59");
  EXPECT_EQ(refusal("0 1-24 * * *"), "the hour \"1-24\" must be from 0 to 23");
  EXPECT_EQ(refusal("0 0 0 * *"), "the day of the month \"0\" must be from 1 to 31");
  EXPECT_EQ(refusal("0 0 1 13 *"), "the month \"13\" must be from 1 to 12");
  EXPECT_EQ(refusal("0 0 1 * 8"), "the weekday \"8\" must be from 0 to 7");
  EXPECT_EQ(refusal("0 0 1 * noday"), "the weekday \"noday\" is not understood");
  EXPECT_EQ(refusal("mon 0 * * *"), "the minute \"mon\" is not understood");
  EXPECT_EQ(refusal("*/0 * * * *"), "the minute \"*/0\" needs a step from 1 on behind its slash");
  EXPECT_EQ(refusal("*/ * * * *"), "the minute \"*/\" needs a step from 1 on behind its slash");
  EXPECT_EQ(refusal("5/2 * * * *"), "the minute \"5/2\" has a step, and so must be * or a range");
  EXPECT_EQ(refusal("1,,2 * * * *"), "the minute \"\" is not understood");
  EXPECT_EQ(refusal("1- * * * *"), "the minute \"1-\" is not understood");
  EXPECT_EQ(refusal("-1 * * * *"), "the minute \"-1\" is not understood");
  EXPECT_EQ(refusal("99999999999 * * * *"), "the minute \"99999999999\" is not understood");
  EXPECT_EQ(refusal("0 0 30 feb *"), "the day of the month \"30\" never comes in these months");
  EXPECT_EQ(TimeZone::find("Mars/Olympus").error().detail,
            "there is no time zone \"Mars/Olympus\": use a name such as Africa/Johannesburg");
  EXPECT_FALSE(TimeZone::find("../../etc/passwd"));
  EXPECT_FALSE(TimeZone::find(""));
}

TEST(CrontabTest, is_in_the_zone_that_is_named) {
  EXPECT_EQ(next("0 4 * * *", "2026-03-01T00:00:00Z", "Africa/Johannesburg"),
            "2026-03-01T02:00:00.000Z");
  EXPECT_EQ(next("0 4 * * *", "2026-01-01T00:00:00Z", "Europe/Berlin"), "2026-01-01T03:00:00.000Z");
  EXPECT_EQ(next("0 4 * * *", "2036-07-01T00:00:00Z", "Europe/Berlin"), "2036-07-01T02:00:00.000Z");
  EXPECT_EQ(next("0 0 1 1 *", "2026-12-31T00:00:00Z", "Asia/Kathmandu"),
            "2026-12-31T18:15:00.000Z");
}

// Berlin: 29 March 2026, 02:00 becomes 03:00 at 01:00Z; 25 October, 03:00 becomes 02:00 at 01:00Z.
TEST(CrontabTest, what_clocks_pass_over_comes_the_moment_that_they_are_put_forward) {
  EXPECT_EQ(next("30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin"),
            "2026-03-29T01:00:00.000Z");
  EXPECT_EQ(next("30 2 * * *", "2026-03-29T01:00:00Z", "Europe/Berlin"),
            "2026-03-30T00:30:00.000Z");
  // All that is passed over comes together, once.
  EXPECT_EQ(next("*/10 2,3 * * *", "2026-03-29T00:59:00Z", "Europe/Berlin"),
            "2026-03-29T01:00:00.000Z");
  EXPECT_EQ(next("*/10 2,3 * * *", "2026-03-29T01:00:00Z", "Europe/Berlin"),
            "2026-03-29T01:10:00.000Z");
}

TEST(CrontabTest, what_clocks_show_twice_comes_the_first_time) {
  EXPECT_EQ(next("30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin"),
            "2026-10-25T00:30:00.000Z");
  EXPECT_EQ(next("30 2 * * *", "2026-10-25T00:30:00Z", "Europe/Berlin"),
            "2026-10-26T01:30:00.000Z");
  EXPECT_EQ(next("30 2 * * *", "2026-10-25T01:10:00Z", "Europe/Berlin"),
            "2026-10-26T01:30:00.000Z");
}

TEST(CrontabTest, what_comes_every_hour_comes_in_every_hour_that_passes) {
  EXPECT_EQ(next("30 * * * *", "2026-10-25T00:30:00Z", "Europe/Berlin"),
            "2026-10-25T01:30:00.000Z");
  EXPECT_EQ(next("*/20 * * * *", "2026-10-25T00:40:00Z", "Europe/Berlin"),
            "2026-10-25T01:00:00.000Z");
  EXPECT_EQ(next("30 * * * *", "2026-03-29T00:30:00Z", "Europe/Berlin"),
            "2026-03-29T01:30:00.000Z");
  EXPECT_EQ(next("0 * * * *", "2026-03-29T00:30:00Z", "Europe/Berlin"), "2026-03-29T01:00:00.000Z");
  // Clocks are put back by half an hour, at 15:00Z.
  EXPECT_EQ(next("45 * * * *", "2026-04-04T14:45:00Z", "Australia/Lord_Howe"),
            "2026-04-04T15:15:00.000Z");
}

// A field at random, and not too many values.
std::string random_field(std::mt19937& rng, int first, int last) {
  const auto pick = [&](int from, int to) {
    return std::uniform_int_distribution<int>(from, to)(rng);
  };
  switch (pick(0, 3)) {
    case 0:
      return "*";
    case 1:
      return fmt::format("*/{}", pick(1, 12));
    case 2:
      return fmt::format("{}-{}", pick(first, last), pick(first, last));
    default:
      return fmt::format("{},{}", pick(first, last), pick(first, last));
  }
}

TEST(CrontabTest, the_next_slot_fits_and_nothing_before_it_does) {
  std::mt19937 rng(42);
  for (int round = 0; round < 1000; ++round) {
    const auto text =
        fmt::format("{} {} {} {} {}", random_field(rng, 0, 59), random_field(rng, 0, 23),
                    random_field(rng, 1, 31), random_field(rng, 1, 12), random_field(rng, 0, 6));
    const auto parsed = Crontab::parse(text);
    if (!parsed) continue;
    const TimeZone utc;
    const WallTime after(
        Millis(std::uniform_int_distribution<std::int64_t>(0, 4'000'000'000'000)(rng)));
    const auto slot = parsed->next(after, utc);
    ASSERT_GT(slot, after) << text;
    ASSERT_TRUE(parsed->fits(utc.local(slot))) << text;
    ASSERT_EQ(parsed->next(slot - Millis(1), utc), slot) << text;
    // Every minute of the last week before it, and of the first one after the moment.
    constexpr std::chrono::minutes kWeek{7 * 24 * 60};
    const auto first = utc.local(after) + std::chrono::minutes(1);
    for (auto minute = first; minute < std::min(first + kWeek, utc.local(slot));
         minute += std::chrono::minutes(1))
      ASSERT_FALSE(parsed->fits(minute)) << text;
    for (auto minute = std::max(first, utc.local(slot) - kWeek); minute < utc.local(slot);
         minute += std::chrono::minutes(1))
      ASSERT_FALSE(parsed->fits(minute)) << text;
  }
}

TEST(CrontabTest, slots_go_forward_through_every_change_of_the_clocks) {
  std::mt19937 rng(43);
  for (const auto* name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                           "Africa/Casablanca", "Pacific/Apia", "Asia/Kathmandu"}) {
    const auto where = zone(name);
    for (int round = 0; round < 40; ++round) {
      const auto text =
          fmt::format("{} {} * * *", random_field(rng, 0, 59), random_field(rng, 0, 23));
      const auto slots = crontab(text);
      auto last = at("2026-01-01T00:00:00Z");
      for (int i = 0; i < 2000 && last < at("2027-01-01T00:00:00Z"); ++i) {
        const auto slot = slots.next(last, where);
        ASSERT_GT(slot, last) << text << " in " << name;
        ASSERT_EQ(slots.next(slot - Millis(1), where), slot) << text << " in " << name;
        last = slot;
      }
    }
  }
}

}  // namespace
}  // namespace indaba::job
