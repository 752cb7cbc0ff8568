#include "job/definition.hpp"

#include <gtest/gtest.h>

namespace indaba::job {
namespace {

Limits filled(Limits limits) {
  Registry registry(
      {.soft = std::chrono::seconds(5), .hard = std::chrono::seconds(10), .retries = 7});
  registry.add({.name = "one", .body = Blocks(), .limits = limits});
  return registry.find("one")->limits;
}

TEST(Registry, a_task_that_leaves_its_limits_out_has_the_operators) {
  const auto limits = filled({});
  EXPECT_EQ(limits.soft, std::chrono::seconds(5));
  EXPECT_EQ(limits.hard, std::chrono::seconds(10));
  EXPECT_EQ(limits.retries, 7);
}

TEST(Registry, a_limit_that_stands_alone_moves_the_other_one) {
  EXPECT_EQ(filled({.hard = std::chrono::seconds(2)}).soft, std::chrono::seconds(2));
  EXPECT_EQ(filled({.soft = std::chrono::minutes(1)}).hard, std::chrono::minutes(1));
  EXPECT_EQ(filled({.hard = std::chrono::minutes(1)}).soft, std::chrono::seconds(5));
  EXPECT_EQ(filled({.retries = 0}).retries, 0);
}

}  // namespace
}  // namespace indaba::job
