#include "bench/delivery_check.hpp"

#include <array>
#include <gtest/gtest.h>

namespace indaba::bench {
namespace {

DeliveryCheck check_of(std::size_t readers, std::size_t publishers, std::size_t window) {
  DeliveryCheck check(readers, publishers, window);
  for (std::size_t i = 0; i < readers; ++i) check.join();
  return check;
}

TEST(DeliveryCheck, counts_what_is_missing_doubled_or_out_of_order) {
  auto check = check_of(1, 1, 0);
  EXPECT_TRUE(check.take(0, 0, 1));
  EXPECT_FALSE(check.take(0, 0, 1));
  EXPECT_TRUE(check.take(0, 0, 4));
  EXPECT_FALSE(check.take(0, 0, 2));
  EXPECT_EQ(check.counts().missing, 2U);
  EXPECT_EQ(check.counts().doubled, 1U);
  EXPECT_EQ(check.counts().out_of_order, 1U);
  check.count_rest(std::array<std::int64_t, 1>{6});
  EXPECT_EQ(check.counts().missing, 4U);
}

TEST(DeliveryCheck, keeps_the_numbers_of_publishers_apart) {
  auto check = check_of(1, 2, 0);
  EXPECT_TRUE(check.take(0, 0, 1));
  EXPECT_TRUE(check.take(0, 1, 1));
  EXPECT_TRUE(check.take(0, 0, 2));
  EXPECT_FALSE(check.take(0, 2, 1)) << "nobody that we know";
  EXPECT_EQ(check.counts().missing, 0U);
  EXPECT_EQ(check.positions(), 3U);
}

TEST(DeliveryCheck, calls_an_event_done_when_every_reader_has_it) {
  auto check = check_of(2, 1, 2);
  check.take(0, 0, 1);
  check.take(0, 0, 2);
  EXPECT_EQ(check.done(0), 0);
  check.take(1, 0, 1);
  EXPECT_EQ(check.done(0), 1);
  check.take(1, 0, 2);
  EXPECT_EQ(check.done(0), 2);
}

TEST(DeliveryCheck, does_not_wait_for_a_reader_that_left_or_for_what_one_missed) {
  auto check = check_of(3, 1, 4);
  check.take(0, 0, 1);
  check.take(0, 0, 2);
  check.take(1, 0, 2);
  EXPECT_EQ(check.done(0), 0);
  check.leave(2);
  check.leave(2);
  EXPECT_EQ(check.done(0), 2);
  check.take(0, 0, 3);
  check.leave(0);
  EXPECT_EQ(check.done(0), 2);
  check.take(1, 0, 3);
  EXPECT_EQ(check.done(0), 3);
  EXPECT_EQ(check.counts().missing, 1U);
  EXPECT_EQ(check.positions(), 3U);
}

TEST(DeliveryCheck, goes_on_after_a_write_off_wherever_readers_stand) {
  auto check = check_of(2, 1, 2);
  check.take(0, 0, 1);
  check.write_off(0, 5);
  EXPECT_EQ(check.done(0), 5);
  check.take(1, 0, 3);
  for (std::int64_t number = 6; number <= 40; ++number) {
    check.take(0, 0, number);
    check.take(1, 0, number);
    ASSERT_EQ(check.done(0), number);
  }
  check.take(0, 0, 1000);
  check.take(1, 0, 1000);
  EXPECT_EQ(check.done(0), 1000);
}

}  // namespace
}  // namespace indaba::bench
