#include "net/frame.hpp"

#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace indaba::net {
namespace {

TEST(Frame, holds_one_copy_of_all_its_parts) {
  std::string part = "b";
  const auto frame = Frame::of({"a", part, "", "cd"});
  part = "x";
  EXPECT_EQ(frame.bytes(), "abcd");
  EXPECT_EQ(frame.size(), 4U);
}

TEST(Frame, an_empty_one_has_no_bytes) {
  EXPECT_FALSE(Frame());
  EXPECT_EQ(Frame().bytes(), "");
  EXPECT_EQ(Frame::of("").bytes(), "");
}

TEST(Frame, copies_share_their_bytes_and_outlive_each_other) {
  auto first = std::make_unique<Frame>(Frame::of("hello"));
  Frame copy = *first;
  EXPECT_EQ(copy.bytes().data(), first->bytes().data());
  Frame moved = std::move(*first);
  EXPECT_FALSE(*first);
  first.reset();
  copy = Frame();
  EXPECT_EQ(moved.bytes(), "hello");
  const Frame& same = moved;
  moved = same;
  EXPECT_EQ(moved.bytes(), "hello");
}

TEST(Frame, many_threads_copy_and_drop_the_same_one) {
  const auto frame = Frame::of(std::string(1'000, 'x'));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([copy = frame] {
      for (int j = 0; j < 10'000; ++j) {
        const Frame one = copy;
        ASSERT_EQ(one.size(), 1'000U);
      }
    });
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace indaba::net
