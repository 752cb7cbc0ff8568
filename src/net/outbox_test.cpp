#include "net/outbox.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>

namespace indaba::net {
namespace {

std::string waiting(const Outbox& outbox, std::size_t parts = 64) {
  std::array<iovec, 64> out{};
  std::string all;
  const auto count = outbox.gather(std::span(out).first(parts));
  for (std::size_t i = 0; i < count; ++i)
    all.append(static_cast<const char*>(out[i].iov_base), out[i].iov_len);
  return all;
}

TEST(Outbox, gives_what_waits_in_order_however_many_bytes_were_written) {
  const std::string all = "one-three-ffffff-x";
  for (std::size_t first = 0; first <= all.size(); ++first) {
    for (std::size_t second = 0; first + second <= all.size(); ++second) {
      Outbox outbox;
      for (const auto* text : {"one-", "three-", "ffffff-", "x"}) outbox.push(Frame::of(text));
      outbox.consume(first);
      EXPECT_EQ(waiting(outbox), all.substr(first));
      outbox.consume(second);
      EXPECT_EQ(waiting(outbox), all.substr(first + second));
      EXPECT_EQ(outbox.bytes(), all.size() - first - second);
      EXPECT_EQ(outbox.empty(), first + second == all.size());
    }
  }
}

TEST(Outbox, gathers_no_more_parts_than_there_is_room_for) {
  Outbox outbox;
  for (int i = 0; i < 10; ++i) outbox.push(Frame::of(std::to_string(i)));
  EXPECT_EQ(waiting(outbox, 3), "012");
}

TEST(Outbox, an_empty_frame_is_nothing_to_wait_for) {
  Outbox outbox;
  outbox.push(Frame());
  outbox.push(Frame::of(""));
  EXPECT_TRUE(outbox.empty());
}

TEST(Outbox, dropping_keeps_a_frame_that_is_partly_written_and_nothing_else) {
  Outbox outbox;
  outbox.push(Frame::of("abc"));
  outbox.push(Frame::of("def"));
  outbox.consume(1);
  outbox.drop_unstarted();
  EXPECT_EQ(waiting(outbox), "bc");
  EXPECT_EQ(outbox.bytes(), 2U);
  outbox.push(Frame::of("bye"));
  EXPECT_EQ(waiting(outbox), "bcbye");
  outbox.consume(2);
  outbox.drop_unstarted();
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.bytes(), 0U);
}

TEST(Outbox, dropping_keeps_the_frames_that_tls_has_taken_in) {
  for (std::size_t written = 0; written <= 2; ++written) {
    for (std::size_t taken = 0; taken <= 8 - written; ++taken) {
      Outbox outbox;
      for (const auto* text : {"abc", "def", "gh"}) outbox.push(Frame::of(text));
      outbox.consume(written);
      outbox.drop_unstarted(taken);
      const std::size_t end = written + taken == 0   ? 0
                              : written + taken <= 3 ? 3
                              : written + taken <= 6 ? 6
                                                     : 8;
      EXPECT_EQ(waiting(outbox),
                std::string("abcdefgh").substr(0, end).substr(std::min(written, end)));
      EXPECT_EQ(outbox.bytes(), waiting(outbox).size());
    }
  }
}

TEST(Outbox, a_reader_that_is_slow_for_ever_does_not_make_it_grow) {
  Outbox outbox;
  std::int64_t next = 0;
  std::int64_t expected = 0;
  for (int i = 0; i < 100; ++i) outbox.push(Frame::of(fmt::format("{:08}", next++)));
  for (int i = 0; i < 10'000; ++i) {
    outbox.push(Frame::of(fmt::format("{:08}", next++)));
    ASSERT_EQ(waiting(outbox, 1), fmt::format("{:08}", expected++));
    outbox.consume(8);
  }
  EXPECT_EQ(outbox.bytes(), 800U);
}

}  // namespace
}  // namespace indaba::net
