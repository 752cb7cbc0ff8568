#include "gateway/frame_queue.hpp"

#include <gtest/gtest.h>

namespace indaba::gateway {
namespace {

TEST(FrameQueue, one_frame_is_in_hand_and_the_others_wait_in_order) {
  FrameQueue queue;
  EXPECT_TRUE(queue.may_begin());
  FrameQueue::Turn first;
  queue.begin();
  EXPECT_FALSE(queue.may_begin());
  queue.wait("b", 2);
  queue.wait("c", 3);
  EXPECT_FALSE(queue.next());
  queue.end(first);
  EXPECT_EQ(queue.next()->text, "b");
  EXPECT_EQ(queue.next()->count, 3);
  EXPECT_TRUE(queue.empty());
}

TEST(FrameQueue, a_frame_that_has_its_place_lets_the_next_begin) {
  FrameQueue queue;
  FrameQueue::Turn first;
  queue.begin();
  queue.give_way(first);
  queue.give_way(first);
  EXPECT_TRUE(queue.may_begin());
  FrameQueue::Turn second;
  queue.begin();
  queue.end(first);
  EXPECT_FALSE(queue.may_begin()) << "the second one is still in hand";
  queue.end(second);
  EXPECT_TRUE(queue.may_begin());
}

TEST(FrameQueue, so_many_may_overlap_and_no_more) {
  FrameQueue queue;
  std::deque<FrameQueue::Turn> turns(FrameQueue::kMaxOverlapping);
  for (auto& turn : turns) {
    EXPECT_TRUE(queue.may_begin());
    queue.begin();
    queue.give_way(turn);
  }
  EXPECT_FALSE(queue.may_begin());
  queue.end(turns.front());
  EXPECT_TRUE(queue.may_begin());
}

TEST(FrameQueue, what_waits_is_measured_by_its_bytes) {
  FrameQueue queue;
  queue.begin();
  queue.wait(std::string(FrameQueue::kMaxWaitingBytes - sizeof(FrameQueue::Waiting), 'x'), 1);
  EXPECT_FALSE(queue.full());
  queue.wait("", 2);
  EXPECT_TRUE(queue.full());
  queue.clear();
  EXPECT_TRUE(queue.half_empty());
  EXPECT_TRUE(queue.empty());
}

TEST(FrameQueue, empty_frames_fill_it_too) {
  FrameQueue queue;
  queue.begin();
  int waiting = 0;
  while (!queue.full() && waiting < 10'000) queue.wait("", ++waiting);
  EXPECT_LT(waiting, 2'000);
  FrameQueue::Turn turn;
  queue.end(turn);
  while (queue.next()) --waiting;
  EXPECT_EQ(waiting, 0);
  EXPECT_TRUE(queue.half_empty());
}

}  // namespace
}  // namespace indaba::gateway
