#include "app/slow_steps.hpp"

#include <atomic>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sstream>

namespace indaba::app {
namespace {

using testing::HasSubstr;
using testing::Not;

class SlowStepsTest : public testing::Test {
 protected:
  static void wait(Millis time) { std::this_thread::sleep_for(time); }

  SystemClock clock_;
  std::ostringstream lines_;
  Logger log_{clock_, LogLevel::info, LogFormat::json,
              std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_)};
};

TEST_F(SlowStepsTest, tells_once_of_a_step_that_takes_long_and_not_of_others) {
  {
    SlowSteps steps(log_, clock_, "the end waits", Millis(300));
    wait(Millis(500));  // before the first step there is nothing to wait for
    steps.begin("what is quick");
    steps.begin("what is slow");
    wait(Millis(900));
    steps.begin("what is over at once");
  }
  const auto told = lines_.str();
  EXPECT_THAT(told, HasSubstr(R"("message":"the end waits","for":"what is slow")"));
  EXPECT_EQ(std::ranges::count(told, '\n'), 1) << told;
}

TEST_F(SlowStepsTest, looks_again_and_again_until_it_ends) {
  std::atomic<int> looks{0};
  {
    const SlowSteps steps(log_, clock_, "the start waits", Millis(10'000), [&] { ++looks; });
    for (int i = 0; i < 500 && looks < 3; ++i) wait(Millis(10));
  }
  const int then = looks;
  EXPECT_GE(then, 3);
  wait(Millis(200));
  EXPECT_EQ(looks, then);
  EXPECT_THAT(lines_.str(), Not(HasSubstr("waits")));
}

}  // namespace
}  // namespace indaba::app
