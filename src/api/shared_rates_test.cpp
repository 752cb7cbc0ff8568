#include "api/shared_rates.hpp"

#include "cluster/test_nodes.hpp"

#include <gtest/gtest.h>

namespace indaba::api {
namespace {

constexpr RateRule kTen{10, Millis(60'000)};

struct Node {
  Node(cluster::MemoryBroker& broker, std::int64_t id, const Clock& clock, Logger& log)
      : node(broker, id, clock, log), limiter(clock, true), rates(limiter, node.cluster) {
    node.cluster.start();
  }
  int take(std::string_view key, int times, RateRule rule = kTen) {
    int allowed = 0;
    for (int i = 0; i < times; ++i) allowed += limiter.take(key, rule).allowed ? 1 : 0;
    return allowed;
  }

  cluster::TestNode node;
  RateLimiter limiter;
  SharedRates rates;
};

class SharedRatesTest : public testing::Test {
 protected:
  ManualClock clock_;
  Logger log_ = Logger::null();
  cluster::MemoryBroker broker_;
  Node one_{broker_, 1, clock_, log_};
  Node two_{broker_, 2, clock_, log_};
};

TEST_F(SharedRatesTest, what_was_used_on_one_node_is_not_left_on_the_other) {
  EXPECT_EQ(one_.take("anna", 7), 7);
  one_.rates.tell();
  EXPECT_EQ(two_.take("anna", 7), 3);
  two_.rates.tell();
  EXPECT_EQ(one_.take("anna", 7), 0);
  EXPECT_EQ(one_.take("ben", 7), 7) << "somebody else's key";
}

TEST_F(SharedRatesTest, it_comes_back_when_its_window_is_over) {
  EXPECT_EQ(one_.take("anna", 10), 10);
  one_.rates.tell();
  clock_.advance(kTen.window);
  EXPECT_EQ(two_.take("anna", 20), 10);
}

TEST_F(SharedRatesTest, what_is_told_once_is_not_told_again) {
  EXPECT_EQ(one_.take("anna", 3), 3);
  one_.rates.tell();
  one_.rates.tell();
  two_.rates.tell();
  EXPECT_EQ(two_.take("anna", 20), 7);
}

TEST_F(SharedRatesTest, what_is_forgotten_here_is_forgotten_there) {
  EXPECT_EQ(one_.take("failures:anna", 9), 9);
  one_.rates.tell();
  one_.limiter.forget("failures:anna");
  EXPECT_EQ(one_.take("failures:anna", 2), 2);
  one_.rates.tell();
  EXPECT_EQ(two_.take("failures:anna", 20), 8);
}

TEST_F(SharedRatesTest, while_the_bus_is_down_each_node_counts_for_itself) {
  broker_.set_up(false);
  EXPECT_EQ(one_.take("anna", 20), 10);
  one_.rates.tell();
  EXPECT_EQ(two_.take("anna", 20), 10);
}

TEST_F(SharedRatesTest, a_message_that_cannot_be_is_dropped) {
  for (const std::string_view body : {"\x00", "\x00\xff\xff\xff", "zzzz"})
    one_.node.cluster.tell_all(cluster::Topic::rates, body);
  EXPECT_EQ(two_.take("anna", 20), 10);
}

}  // namespace
}  // namespace indaba::api
