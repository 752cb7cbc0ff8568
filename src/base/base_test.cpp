// The small things: results, checks, clocks, randomness, ids.
#include "base/check.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace indaba {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error(ErrorKind::invalid, "not_even", "The number is odd.");
  return n / 2;
}
Result<int> quarter(int n) {
  INDABA_TRY(const int h, half(n));
  return half(h);
}

TEST(Result, carries_the_first_error_through_INDABA_TRY) {
  EXPECT_EQ(*quarter(12), 3);
  const auto failed = quarter(7);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code_or_slug(), "not_even");
}

TEST(Result, an_error_without_a_code_is_named_after_its_kind) {
  EXPECT_EQ(Error(ErrorKind::unsupported).code_or_slug(), "unsupported_media_type");
  EXPECT_EQ(Error().code_or_slug(), "internal");
}

TEST(ResultDeathTest, taking_the_value_of_a_failed_result_ends_the_process) {
  EXPECT_DEATH(static_cast<void>(half(1).value()), "the value of a failed result was taken.*odd");
}

TEST(CheckDeathTest, prints_its_sentence_and_its_place) {
  EXPECT_DEATH(check(false, "an outbox must be drained"),
               "an outbox must be drained.*base_test.cpp");
}

TEST(Clock, writes_rfc3339_with_milliseconds_in_utc) {
  EXPECT_EQ(to_rfc3339(from_millis(1'768'210'200'123)), "2026-01-12T09:30:00.123Z");
  EXPECT_EQ(to_rfc3339(from_millis(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Clock, reads_rfc3339_with_any_offset_and_fraction) {
  const WallTime t = from_millis(1'768'210'200'123);
  EXPECT_EQ(parse_rfc3339("2026-01-12T09:30:00.123Z"), t);
  EXPECT_EQ(parse_rfc3339("2026-01-12t11:30:00.123999+02:00"), t);
  EXPECT_EQ(parse_rfc3339("2026-01-11T23:45:00.123-09:45"), t);
  EXPECT_EQ(parse_rfc3339("2026-01-12T09:30:00Z"), t - Millis(123));
  EXPECT_EQ(parse_rfc3339("2026-01-12T09:30:00.5z"), t + Millis(377));
  EXPECT_EQ(parse_rfc3339(to_rfc3339(t)), t);
}

TEST(Clock, refuses_what_is_not_a_time) {
  for (const std::string_view text :
       {"", "2026-01-12", "2026-01-12T09:30:00", "2026-01-12 09:30:00Z", "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-01-12T24:00:00Z", "2026-01-12T23:59:60Z",
        "2026-01-12T09:30:00.Z", "2026-01-12T09:30:00+0200", "2026-01-12T09:30:00Z ",
        "2026-1-12T09:30:00Z", "+026-01-12T09:30:00Z", "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-00:01"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Clock, a_manual_clock_stands_still_until_it_is_moved) {
  ManualClock clock;
  const auto wall = clock.wall();
  const auto mono = clock.mono();
  clock.advance(Millis(5));
  clock.jump_wall(Millis(-1000));
  EXPECT_EQ(clock.mono() - mono, Millis(5));
  EXPECT_EQ(clock.wall() - wall, Millis(-995));
}

TEST(Random, a_seed_gives_the_published_sequence_on_every_machine) {
  SeededRandom random(1234567);  // reference values of SplitMix64
  EXPECT_EQ(random.next(), 6457827717110365317ULL);
  EXPECT_EQ(random.next(), 3203168211198807973ULL);
}

TEST(Random, below_stays_below_and_reaches_every_value) {
  SystemRandom system;
  SeededRandom seeded(1);
  std::set<std::uint64_t> from_system;
  std::set<std::uint64_t> from_seed;
  for (int i = 0; i < 500; ++i) {
    from_system.insert(system.below(5));
    from_seed.insert(seeded.below(5));
  }
  EXPECT_EQ(from_system, (std::set<std::uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(from_seed, from_system);
  EXPECT_EQ(system.below(1), 0U);
}

TEST(Random, two_fills_differ) {
  SystemRandom random;
  std::array<std::byte, 32> a{};
  std::array<std::byte, 32> b{};
  random.fill(a);
  random.fill(b);
  EXPECT_NE(a, b);
}

TEST(Ids, of_different_kinds_do_not_mix) {
  static_assert(!std::is_convertible_v<UserId, OrgId>);
  static_assert(!std::is_convertible_v<std::int64_t, UserId>);
  EXPECT_FALSE(UserId());
  EXPECT_EQ(Seq(4).next(), Seq(5));
}

}  // namespace
}  // namespace indaba
