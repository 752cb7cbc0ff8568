#include "gateway/connection_limits.hpp"

#include <gtest/gtest.h>

namespace indaba::gateway {
namespace {

using Place = ConnectionLimits::Place;
using Refusal = ConnectionLimits::Refusal;

TEST(ConnectionLimits, gives_a_place_back_when_its_holder_goes) {
  ConnectionLimits limits({.per_address = 1});
  {
    Place first;
    EXPECT_EQ(limits.take("192.0.2.1", first), Refusal::none);
    Place second;
    EXPECT_EQ(limits.take("192.0.2.1", second), Refusal::address);
    EXPECT_EQ(limits.take("192.0.2.2", second), Refusal::none);
    EXPECT_EQ(limits.total(), 2);
  }
  EXPECT_EQ(limits.total(), 0);
  Place again;
  EXPECT_EQ(limits.take("192.0.2.1", again), Refusal::none);
}

TEST(ConnectionLimits, obeys_other_limits_from_now_on_and_takes_no_place_away) {
  ConnectionLimits limits({.per_user = 1, .per_address = 1, .total = 10});
  Place first;
  ASSERT_EQ(limits.take("192.0.2.1", first), Refusal::none);
  ASSERT_TRUE(limits.take_user(UserId(7), first));
  limits.change({.per_user = 2, .per_address = 2, .total = 2});
  Place second;
  EXPECT_EQ(limits.take("192.0.2.1", second), Refusal::none);
  EXPECT_TRUE(limits.take_user(UserId(7), second));
  Place third;
  EXPECT_EQ(limits.take("192.0.2.9", third), Refusal::full);
  limits.change({.enabled = false, .total = 1});
  EXPECT_EQ(limits.total(), 2);
  EXPECT_EQ(limits.take("192.0.2.9", third), Refusal::full) << "the total always counts";
}

TEST(ConnectionLimits, counts_an_ipv6_customer_as_one) {
  ConnectionLimits limits({.per_address = 1});
  Place first;
  ASSERT_EQ(limits.take("2001:db8:1:2::1", first), Refusal::none);
  Place second;
  EXPECT_EQ(limits.take("2001:db8:1:2:ffff::9", second), Refusal::address);
  EXPECT_EQ(limits.take("2001:db8:1:3::1", second), Refusal::none);
  first = Place();
  Place third;
  EXPECT_EQ(limits.take("2001:db8:1:2::2", third), Refusal::none) << "the place was given back";
}

}  // namespace
}  // namespace indaba::gateway
