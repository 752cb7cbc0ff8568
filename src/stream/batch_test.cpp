#include "stream/batch.hpp"

#include <gtest/gtest.h>
#include <string>

namespace indaba::stream {
namespace {

class CountingFormat final : public WireFormat {
 public:
  net::Frame wrap(std::string_view json) override {
    ++made;
    return net::Frame::of({"<", json.substr(json.find(",\"n\"")), ">"});
  }
  int made = 0;
};

std::shared_ptr<Rendering> event(std::int64_t seq, std::string body) {
  return std::make_shared<Rendering>(std::make_shared<const Event>(
      Event{StreamId(1), Seq(seq), WallTime(Millis(0)), "note", ",\"n\":" + std::move(body)}));
}

TEST(Batch, joins_frames_once_for_all_who_want_the_same_ones) {
  Batch batch;
  EXPECT_TRUE(batch.add(event(5, "1")));
  EXPECT_TRUE(batch.add(event(0, "2")));
  EXPECT_TRUE(batch.add(event(6, "3")));
  CountingFormat format;
  const auto bytes = batch.as(format, 0, "s").bytes();
  EXPECT_EQ(bytes, "<,\"n\":1}><,\"n\":2}><,\"n\":3}>");
  EXPECT_EQ(batch.as(format, 0, "s").bytes().data(), bytes.data());
  EXPECT_EQ(format.made, 3);
  EXPECT_EQ(batch.last(), Seq(6));
  EXPECT_TRUE(batch.follows(Seq(4)));
  EXPECT_FALSE(batch.follows(Seq(5)));
}

TEST(Batch, one_event_is_its_own_frame) {
  Batch batch;
  const auto only = event(0, "1");
  EXPECT_TRUE(batch.add(only));
  CountingFormat format;
  EXPECT_EQ(batch.as(format, 0, "s").bytes().data(), only->as(format, 0, "s").bytes().data());
  EXPECT_TRUE(batch.follows(Seq(99))) << "what is ephemeral follows everything";
}

TEST(Batch, refuses_what_does_not_follow_and_what_is_too_much) {
  Batch batch;
  EXPECT_TRUE(batch.add(event(5, "1")));
  EXPECT_FALSE(batch.add(event(7, "2")));
  EXPECT_FALSE(batch.add(event(5, "2")));
  EXPECT_TRUE(batch.add(event(6, std::string(Batch::kMaxBytes, '9'))));
  EXPECT_FALSE(batch.add(event(7, "2")));
  EXPECT_EQ(batch.size(), 2U);
}

TEST(Batch, is_bounded_by_what_small_events_are_on_the_wire) {
  Batch batch;
  std::int64_t seq = 0;
  while (batch.add(event(++seq, "1")) && seq < 10'000) {
  }
  EXPECT_LT(batch.size(), 200U);
  EXPECT_GT(batch.size(), 16U) << "a tick's worth of small events leaves together";
}

}  // namespace
}  // namespace indaba::stream
