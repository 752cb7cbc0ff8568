#include "job/lane.hpp"

#include <gtest/gtest.h>

namespace indaba::job {
namespace {

using namespace std::chrono_literals;

class LaneTest : public testing::Test {
 protected:
  // As many as it asks for, or fewer.
  int feed(int most = 1'000) {
    const auto wish = lane_.wish();
    std::vector<Claimed> taken;
    for (int i = 0; i < std::min(wish.most, most); ++i) {
      taken.emplace_back();
      taken.back().id = JobId(++made_);
    }
    const auto count = static_cast<int>(taken.size());
    lane_.took(std::move(taken), wish, now_);
    return count;
  }
  int begin_all() {
    int begun = 0;
    while (lane_.next(now_)) ++begun;
    return begun;
  }

  Lane lane_{{"a", "b"}, 2, 2};
  MonoTime now_{Millis(1'000'000)};
  std::int64_t made_ = 0;
};

TEST_F(LaneTest, takes_what_its_slots_need_and_a_few_more) {
  EXPECT_TRUE(lane_.wants_more(now_));
  EXPECT_EQ(feed(), 6);
  EXPECT_EQ(begin_all(), 2);
  EXPECT_EQ(lane_.waiting().size(), 4U);
  EXPECT_FALSE(lane_.wants_more(now_));
  lane_.ended(now_);
  lane_.ended(now_);
  EXPECT_EQ(begin_all(), 2);
  EXPECT_TRUE(lane_.wants_more(now_)) << "half of what it likes to have is there";
}

TEST_F(LaneTest, asks_no_more_where_it_got_less_than_it_asked_for_until_there_is_hope) {
  feed(1);
  begin_all();
  EXPECT_FALSE(lane_.wants_more(now_));
  lane_.hope();
  EXPECT_TRUE(lane_.wants_more(now_));
}

TEST_F(LaneTest, its_queues_come_first_in_turn) {
  EXPECT_EQ(lane_.wish().queues, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(lane_.wish().queues, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(lane_.wish().queues, (std::vector<std::string>{"a", "b"}));
}

TEST_F(LaneTest, holds_more_where_runs_are_short_and_few_again_where_they_last) {
  for (int i = 0; i < 20; ++i) {
    feed();
    while (begin_all() > 0) {
      lane_.ended(now_);
      lane_.ended(now_);
    }
    now_ += 10ms;
  }
  EXPECT_EQ(lane_.wish().most, Lane::kMostWaiting + 2);
  for (int i = 0; i < 20; ++i) {
    feed(0);
    now_ += 2s;
  }
  EXPECT_EQ(lane_.wish().most, 4 + 2);
}

TEST_F(LaneTest, gives_back_what_waits_behind_runs_that_last) {
  feed();
  begin_all();
  EXPECT_TRUE(lane_.take_surplus(now_).empty());  // the window begins
  EXPECT_FALSE(lane_.stuck(now_));
  now_ += Lane::kWindow;
  ASSERT_TRUE(lane_.stuck(now_));
  EXPECT_EQ(lane_.take_surplus(now_).size(), 4U);
  EXPECT_FALSE(lane_.wants_more(now_)) << "others are free";
  lane_.ended(now_);
  EXPECT_FALSE(lane_.stuck(now_));
  EXPECT_TRUE(lane_.wants_more(now_));
}

TEST_F(LaneTest, keeps_what_it_can_begin_within_a_second) {
  for (int i = 0; i < 20; ++i) {  // a fast moment
    feed();
    while (begin_all() > 0) {
      lane_.ended(now_);
      lane_.ended(now_);
    }
    now_ += 10ms;
  }
  feed();
  begin_all();
  std::ignore = lane_.take_surplus(now_);
  for (int i = 0; i < 20; ++i) {  // and then each of two takes a tenth of a second
    now_ += 50ms;
    lane_.ended(now_);
    EXPECT_TRUE(lane_.next(now_));
  }
  const auto held = static_cast<int>(lane_.waiting().size());
  EXPECT_EQ(static_cast<int>(lane_.take_surplus(now_).size()), held - 20);
  EXPECT_FALSE(lane_.wants_more(now_));
  EXPECT_TRUE(lane_.take_surplus(now_ + 100ms).empty()) << "the next window";
}

TEST_F(LaneTest, one_that_may_hold_nothing_takes_what_its_slots_need) {
  Lane lane({"long"}, 2, 0);
  ASSERT_TRUE(lane.wants_more(now_));
  EXPECT_EQ(lane.wish().most, 2);
  lane.took(std::vector<Claimed>(1), {.queues = {"long"}, .most = 2}, now_);
  lane.took({}, {.queues = {"long"}, .most = 0}, now_ + 1ms);  // all that it asked for, at once
  EXPECT_TRUE(lane.next(now_));
  lane.hope();
  EXPECT_TRUE(lane.wants_more(now_));
  EXPECT_EQ(lane.wish().most, 1);
}

TEST_F(LaneTest, what_was_cancelled_before_it_began_is_taken_out) {
  feed(3);
  EXPECT_EQ(lane_.take_back(JobId(2))->id, JobId(2));
  EXPECT_FALSE(lane_.take_back(JobId(2)));
  EXPECT_EQ(lane_.waiting().size(), 2U);
}

}  // namespace
}  // namespace indaba::job
