#include "base/task.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace indaba {
namespace {

// A queue and a list of timers on a clock that is moved by hand.
class QueueExecutor final : public Executor {
 public:
  QueueExecutor() { set_current(this); }
  ~QueueExecutor() override { set_current(nullptr); }
  void post(Work work) override { queue_.push_back(std::move(work)); }
  void run_after(Millis delay, Work work) override {
    timers_.emplace(now() + delay, std::move(work));
  }
  [[nodiscard]] MonoTime now() const override { return clock_.mono(); }

  void advance(Millis by) {
    clock_.advance(by);
    while (!timers_.empty() && timers_.begin()->first <= now()) {
      auto timer = timers_.extract(timers_.begin());
      timer.mapped()();
    }
  }

 private:
  ManualClock clock_;
  std::deque<Work> queue_;
  std::multimap<MonoTime, Work> timers_;
};

Task<int> three() {
  co_return 3;
}
Task<int> failing() {
  throw std::runtime_error("no");
  co_return 0;
}
Task<void> add_three_twice(int* out) {
  *out += co_await three();
  *out += co_await three();
}
Task<void> remember_failure(std::string* out) {
  try {
    static_cast<void>(co_await failing());
  } catch (const std::runtime_error& e) {
    *out = e.what();
  }
}
Task<void> sleep_then_mark(bool* out) {
  co_await sleep_for{Millis(50)};
  *out = true;
}
Task<void> fail_unseen() {
  static_cast<void>(co_await failing());
}

TEST(Task, runs_when_it_is_spawned_and_hands_values_to_its_awaiter) {
  int sum = 0;
  spawn(add_three_twice(&sum));
  EXPECT_EQ(sum, 6);
}

TEST(Task, hands_an_exception_to_its_awaiter) {
  std::string what;
  spawn(remember_failure(&what));
  EXPECT_EQ(what, "no");
}

TEST(Task, that_is_never_awaited_never_starts) {
  int sum = 0;
  {
    auto task = add_three_twice(&sum);
  }
  EXPECT_EQ(sum, 0);
}

TEST(Task, sleeps_on_the_executor_of_its_thread) {
  QueueExecutor executor;
  bool woke = false;
  spawn(sleep_then_mark(&woke));
  executor.advance(Millis(49));
  EXPECT_FALSE(woke);
  executor.advance(Millis(1));
  EXPECT_TRUE(woke);
}

TEST(TaskDeathTest, an_exception_that_leaves_a_spawned_task_ends_the_process_with_a_sentence) {
  EXPECT_DEATH(spawn(fail_unseen()), "an exception left a spawned task: no");
}

TEST(TaskDeathTest, sleeping_without_an_executor_is_a_broken_invariant) {
  bool woke = false;
  EXPECT_DEATH(spawn(sleep_then_mark(&woke)), "only on a thread that has an executor");
}

}  // namespace
}  // namespace indaba
