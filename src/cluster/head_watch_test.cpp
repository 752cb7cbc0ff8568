#include "cluster/head_watch.hpp"

#include "stream/hub_fixture.hpp"

namespace indaba::cluster {
namespace {

using stream::StreamHead;

// Answers when it is told to.
class ManualHeads final : public stream::HeadSource {
 public:
  void read_heads(std::vector<std::int64_t> streams, OnHeads on_heads) override {
    asked.push_back(std::move(streams));
    waiting_.push_back(std::move(on_heads));
  }
  void answer(Result<std::vector<StreamHead>> heads) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next(std::move(heads));
  }
  std::vector<std::vector<std::int64_t>> asked;

 private:
  std::deque<OnHeads> waiting_;
};

class HeadWatchTest : public testing::Test {
 protected:
  void pass(Millis time) {
    clock_.advance(time);
    watch_.tick();
  }
  [[nodiscard]] std::size_t looks() const { return heads_.asked.size(); }

  ManualClock clock_;
  stream::Hub hub_{clock_};
  ManualHeads heads_;
  bool bus_up_ = true;
  int answered_ = 0;
  HeadWatch watch_{{heads_, hub_, clock_, [this] { return bus_up_; },
                    [this](MonoTime, std::span<const StreamHead>) { ++answered_; }}};
};

TEST_F(HeadWatchTest, a_node_without_readers_and_without_the_bus_burdens_the_database_little) {
  bus_up_ = false;
  pass(Millis(0));
  heads_.answer({});
  pass(HeadWatch::kWithoutBus);
  EXPECT_EQ(looks(), 1U);
  pass(HeadWatch::kIdle - HeadWatch::kWithoutBus);
  EXPECT_EQ(looks(), 2U);
}

TEST_F(HeadWatchTest, it_looks_often_without_the_bus_and_seldom_with_it) {
  for (const auto id : {StreamId(1), StreamId(2)}) hub_.attach(id, 0);
  pass(Millis(0));
  heads_.answer({});
  pass(HeadWatch::kWithoutBus);
  EXPECT_EQ(looks(), 1U);
  bus_up_ = false;
  pass(Millis(0));
  EXPECT_EQ(looks(), 2U);
}

TEST_F(HeadWatchTest, it_never_asks_twice_at_once) {
  pass(Millis(0));
  watch_.request();
  pass(HeadWatch::kWithBus);
  EXPECT_EQ(looks(), 1U);
  heads_.answer({});
  EXPECT_EQ(answered_, 1);
  pass(HeadWatch::kWithBus);
  EXPECT_EQ(looks(), 2U);
}

TEST_F(HeadWatchTest, a_request_is_heard_soon_but_not_at_the_cost_of_a_slow_database) {
  pass(Millis(0));
  clock_.advance(Millis(20));
  heads_.answer({});
  watch_.request();
  pass(Millis(100));
  EXPECT_EQ(looks(), 1U) << "a tenth of the time";
  pass(Millis(80));
  EXPECT_EQ(looks(), 2U);
}

TEST_F(HeadWatchTest, one_answer_that_took_seconds_does_not_blind_the_node_for_a_minute) {
  pass(Millis(0));
  clock_.advance(Millis(5'000));
  heads_.answer({});
  pass(HeadWatch::kWithBus);
  EXPECT_EQ(looks(), 2U);
}

TEST_F(HeadWatchTest, a_look_that_failed_is_repeated_in_its_time) {
  for (const auto id : {StreamId(1), StreamId(2)}) hub_.attach(id, 0);
  bus_up_ = false;
  pass(Millis(0));
  clock_.advance(Millis(5'000));
  heads_.answer(Error(ErrorKind::unavailable));
  EXPECT_EQ(answered_, 0);
  EXPECT_EQ(watch_.failures(), 1U);
  pass(Millis(0));
  EXPECT_EQ(looks(), 2U);
}

}  // namespace
}  // namespace indaba::cluster
