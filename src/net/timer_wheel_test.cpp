#include "net/timer_wheel.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace indaba::net {
namespace {

using namespace std::chrono_literals;

class TestTimer final : public Timer {
 public:
  explicit TestTimer(std::function<void()> work = [] {}) : work_(std::move(work)) {}
  int fired = 0;

 private:
  void on_timer() override {
    ++fired;
    work_();
  }
  std::function<void()> work_;
};

class TimerWheelTest : public testing::Test {
 protected:
  void pass(Millis by) {
    now_ += by;
    wheel_.advance(now_);
  }
  MonoTime now_{Millis(123'457)};
  TimerWheel wheel_{now_};
};

TEST_F(TimerWheelTest, a_timer_fires_once_and_never_early_and_at_most_a_tick_late) {
  for (int delay = 0; delay < 60; ++delay) {
    TestTimer timer;
    wheel_.arm(timer, now_ + Millis(delay));
    int waited = 0;
    while (timer.fired == 0) {
      ++waited;
      pass(1ms);
    }
    EXPECT_GE(waited, delay);
    EXPECT_LE(waited, delay + 2 * TimerWheel::kTick.count());
    EXPECT_FALSE(timer.armed());
    pass(20s);
    EXPECT_EQ(timer.fired, 1);
  }
}

TEST_F(TimerWheelTest, the_loop_wakes_in_time_for_the_next_one) {
  EXPECT_EQ(wheel_.until_next(now_), std::nullopt);
  TestTimer timer;
  wheel_.arm(timer, now_ + 100ms);
  const auto sleep = wheel_.until_next(now_);
  ASSERT_TRUE(sleep);
  pass(*sleep);
  EXPECT_EQ(timer.fired, 1);
}

TEST_F(TimerWheelTest, a_long_delay_takes_as_many_rounds_as_it_needs) {
  TestTimer timer;
  wheel_.arm(timer, now_ + 60s);
  Millis slept{0};
  int wakes = 0;
  while (timer.fired == 0) {
    const auto sleep = wheel_.until_next(now_);
    ASSERT_TRUE(sleep);
    slept += *sleep;
    pass(*sleep);
    ++wakes;
  }
  EXPECT_GE(slept, 60s);
  EXPECT_LE(slept, 60s + 2 * TimerWheel::kTick);
  EXPECT_LE(wakes, 9) << "once a round of about 8 s";
}

TEST_F(TimerWheelTest, after_a_long_sleep_everything_that_is_due_fires_and_nothing_else) {
  std::vector<std::unique_ptr<TestTimer>> timers;
  for (int i = 0; i < 300; ++i) {
    timers.push_back(std::make_unique<TestTimer>());
    wheel_.arm(*timers.back(), now_ + i * 100ms);
  }
  pass(20s + 50ms);  // more than two rounds
  for (int i = 0; i < 300; ++i)
    EXPECT_EQ(timers[static_cast<std::size_t>(i)]->fired, i <= 200 ? 1 : 0) << i;
}

TEST_F(TimerWheelTest, arming_again_moves_it_and_disarming_stops_it) {
  TestTimer timer;
  wheel_.arm(timer, now_ + 50ms);
  wheel_.arm(timer, now_ + 500ms);
  pass(300ms);
  EXPECT_EQ(timer.fired, 0);
  wheel_.arm(timer, now_ + 20ms);
  pass(40ms);
  EXPECT_EQ(timer.fired, 1);
  wheel_.arm(timer, now_ + 20ms);
  TimerWheel::disarm(timer);
  TimerWheel::disarm(timer);
  pass(20s);
  EXPECT_EQ(timer.fired, 1);
}

TEST_F(TimerWheelTest, a_timer_that_is_destroyed_does_not_fire) {
  auto timer = std::make_unique<TestTimer>();
  wheel_.arm(*timer, now_ + 20ms);
  timer.reset();
  pass(1s);
  EXPECT_EQ(wheel_.until_next(now_), std::nullopt);
}

TEST_F(TimerWheelTest, a_callback_may_arm_itself_again) {
  TestTimer* self = nullptr;
  TestTimer timer([&] {
    if (self->fired < 3) wheel_.arm(*self, now_);
  });
  self = &timer;
  wheel_.arm(timer, now_);
  for (int i = 0; i < 5; ++i) pass(TimerWheel::kTick);
  EXPECT_EQ(timer.fired, 3);
}

TEST_F(TimerWheelTest, a_callback_may_destroy_itself_and_others_that_are_due_with_it) {
  std::array<std::unique_ptr<TestTimer>, 3> timers;
  int fired = 0;
  for (auto& timer : timers)
    timer = std::make_unique<TestTimer>([&timers, &fired] {
      ++fired;
      auto& all = timers;  // this callback goes with its timer
      for (auto& one : all) one.reset();
    });
  for (auto& timer : timers) wheel_.arm(*timer, now_ + 20ms);
  pass(1s);
  EXPECT_EQ(fired, 1);
}

TEST_F(TimerWheelTest, timers_outlive_their_wheel) {
  TestTimer timer;
  {
    TimerWheel wheel(now_);
    wheel.arm(timer, now_ + 20ms);
  }
  EXPECT_FALSE(timer.armed());
}

}  // namespace
}  // namespace indaba::net
