#include "bench/proc_figures.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace indaba::bench {
namespace {

TEST(ProcFigures, tell_what_this_process_used) {
  const auto before = read_processes({::getpid()}).value();
  ASSERT_FALSE(before.threads.empty());
  EXPECT_GT(before.rss_bytes, 100'000U);
  volatile double sum = 0;
  auto after = before;
  while (used_between(before, after).cpu_seconds < 0.02) {
    for (int i = 0; i < 100'000; ++i) sum = sum + i;
    after = read_processes({::getpid()}).value();
  }
  const auto used = used_between(before, after);
  EXPECT_LT(used.cpu_seconds, 5);
  EXPECT_GT(used.threads.front().cpu_seconds, 0);
}

TEST(ProcFigures, of_nobody_are_an_error) {
  EXPECT_FALSE(read_processes({999'999'999}));
  EXPECT_EQ(read_processes({}).value().rss_bytes, 0U);
}

TEST(ProcFigures, count_threads_that_ended_in_the_sum_and_new_ones_wholly) {
  ProcFigures before;
  before.threads = {{1, 1, "loop", 2.0}, {1, 2, "gone", 1.0}};
  before.user_seconds = 3;
  ProcFigures after;
  after.threads = {{1, 1, "loop", 2.5}, {1, 3, "new", 0.25}};
  after.user_seconds = 6;
  const auto used = used_between(before, after);
  EXPECT_DOUBLE_EQ(used.threads[0].cpu_seconds, 0.5);
  EXPECT_DOUBLE_EQ(used.threads[1].cpu_seconds, 0.25);
  EXPECT_DOUBLE_EQ(used.cpu_seconds, 3);
}

}  // namespace
}  // namespace indaba::bench
