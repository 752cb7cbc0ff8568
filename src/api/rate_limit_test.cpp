#include "api/rate_limit.hpp"

#include <gtest/gtest.h>

namespace indaba::api {
namespace {

constexpr RateRule kTenAMinute{10, Millis(60'000)};

TEST(RateLimit, allows_the_limit_and_refuses_the_next_with_a_time_to_wait) {
  ManualClock clock;
  RateLimiter limiter(clock, true);
  for (int i = 9; i >= 0; --i) {
    const auto verdict = limiter.take("a", kTenAMinute);
    EXPECT_TRUE(verdict.allowed);
    EXPECT_EQ(verdict.remaining, i);
    EXPECT_EQ(verdict.limit, 10);
  }
  const auto refused = limiter.take("a", kTenAMinute);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_GT(refused.reset, Millis(0));
  EXPECT_LE(refused.reset, Millis(60'000));
  clock.advance(refused.reset - Millis(1));
  EXPECT_FALSE(limiter.take("a", kTenAMinute).allowed);
  clock.advance(Millis(1));
  EXPECT_TRUE(limiter.take("a", kTenAMinute).allowed);
}

TEST(RateLimit, gives_back_one_use_after_another_as_they_grow_old) {
  ManualClock clock;
  RateLimiter limiter(clock, true);
  for (int i = 0; i < 5; ++i) limiter.take("a", kTenAMinute);
  clock.advance(Millis(30'000));
  for (int i = 0; i < 5; ++i) limiter.take("a", kTenAMinute);
  clock.advance(Millis(31'000));
  int allowed = 0;
  while (limiter.take("a", kTenAMinute).allowed) ++allowed;
  EXPECT_EQ(allowed, 5);
}

TEST(RateLimit, keeps_keys_apart) {
  ManualClock clock;
  RateLimiter limiter(clock, true);
  for (int i = 0; i < 10; ++i) limiter.take("a", kTenAMinute);
  EXPECT_FALSE(limiter.take("a", kTenAMinute).allowed);
  EXPECT_EQ(limiter.take("b", kTenAMinute).remaining, 9);
  limiter.forget("a");
  EXPECT_TRUE(limiter.take("a", kTenAMinute).allowed);
}

TEST(RateLimit, stays_within_its_memory_whatever_is_thrown_at_it) {
  ManualClock clock;
  RateLimiter limiter(clock, true, 1'600);
  for (int i = 0; i < 10'000; ++i) limiter.take("key" + std::to_string(i), kTenAMinute);
  EXPECT_LE(limiter.keys(), 1'600U);
}

TEST(RateLimit, counts_nothing_when_switched_off) {
  ManualClock clock;
  RateLimiter limiter(clock, false);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limiter.take("a", kTenAMinute).allowed);
  EXPECT_EQ(limiter.keys(), 0U);
}

TEST(RateLimit, is_switched_off_and_on_while_it_runs) {
  ManualClock clock;
  RateLimiter limiter(clock, true);
  for (int i = 0; i < 10; ++i) limiter.take("a", kTenAMinute);
  limiter.set_enabled(false);
  EXPECT_TRUE(limiter.take("a", kTenAMinute).allowed);
  limiter.set_enabled(true);
  EXPECT_FALSE(limiter.take("a", kTenAMinute).allowed);
  EXPECT_TRUE(limiter.take("a", {11, Millis(60'000)}).allowed) << "another limit counts at once";
}

TEST(RateLimit, starts_anew_after_a_long_silence) {
  ManualClock clock;
  RateLimiter limiter(clock, true);
  for (int i = 0; i < 10; ++i) limiter.take("a", kTenAMinute);
  clock.advance(Millis(10'000'000));
  EXPECT_EQ(limiter.take("a", kTenAMinute).remaining, 9);
}

TEST(RateLimit, counts_an_ipv6_customer_as_one) {
  EXPECT_EQ(rate_key_of_address("2001:db8:1:2::1"), rate_key_of_address("2001:db8:1:2:ffff::9"));
  EXPECT_NE(rate_key_of_address("2001:db8:1:2::1"), rate_key_of_address("2001:db8:1:3::1"));
  EXPECT_EQ(rate_key_of_address("::ffff:10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(rate_key_of_address("10.1.2.3"), "10.1.2.3");
}

}  // namespace
}  // namespace indaba::api
