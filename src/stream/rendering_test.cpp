#include "stream/rendering.hpp"

#include "stream/tail.hpp"

#include <gtest/gtest.h>

namespace indaba::stream {
namespace {

EventPtr note(std::int64_t seq, std::string body = ",\"n\":1") {
  return std::make_shared<const Event>(
      Event{StreamId(1), Seq(seq), from_millis(1'768'210'200'123), "note", std::move(body)});
}

class Counting final : public WireFormat {
 public:
  explicit Counting(std::string prefix) : prefix_(std::move(prefix)) {}
  net::Frame wrap(std::string_view json) override {
    ++made;
    return net::Frame::of({prefix_, json});
  }
  int made = 0;

 private:
  std::string prefix_;
};

TEST(Rendering, an_event_is_one_flat_object_under_the_name_by_which_the_reader_asked) {
  EXPECT_EQ(
      to_json(*note(7), "topic:news"),
      R"({"type":"note","stream":"topic:news","seq":7,"created_at":"2026-01-12T09:30:00.123Z","n":1})");
  EXPECT_EQ(to_json(*note(7, ""), "a\"b"),
            R"({"type":"note","stream":"a\"b","seq":7,"created_at":"2026-01-12T09:30:00.123Z"})");
}

TEST(Rendering, an_ephemeral_event_has_no_seq) {
  EXPECT_EQ(to_json(*note(0, ""), "x"),
            R"({"type":"note","stream":"x","created_at":"2026-01-12T09:30:00.123Z"})");
}

TEST(Rendering, a_sign_has_no_time_and_is_whole_however_long) {
  const std::string body = ",\"t\":\"" + std::string(kMaxInlineBody, 'x') + '"';
  EXPECT_EQ(to_json(Event{StreamId(1), Seq{}, WallTime{}, "typing", body}, "x"),
            R"({"type":"typing","stream":"x")" + body + "}");
}

TEST(Rendering, a_body_above_the_limit_is_left_out_and_marked_and_one_at_the_limit_is_not) {
  const std::string head = ",\"t\":\"";
  const auto body = [&](std::size_t size) {
    return head + std::string(size - head.size() - 1, 'x') + "\"";
  };
  EXPECT_NE(to_json(*note(1, body(kMaxInlineBody)), "x").find("\"t\":\"xxx"), std::string::npos);
  EXPECT_EQ(
      to_json(*note(1, body(kMaxInlineBody + 1)), "x"),
      R"({"type":"note","stream":"x","seq":1,"created_at":"2026-01-12T09:30:00.123Z","truncated":true})");
}

TEST(Rendering, the_bytes_are_made_once_for_each_format_and_name_and_shared) {
  Counting text("t:");
  Counting packed("p:");
  Rendering rendering(note(7));
  const auto* bytes = rendering.as(text, 0, "short").bytes().data();
  EXPECT_EQ(rendering.as(text, 0, "short").bytes().data(), bytes);
  EXPECT_NE(rendering.as(text, 1, "long").bytes().find("\"stream\":\"long\""),
            std::string_view::npos);
  EXPECT_TRUE(rendering.as(packed, 0, "short").bytes().starts_with("p:{"));
  EXPECT_EQ(rendering.as(text, 0, "short").bytes().data(), bytes);
  EXPECT_EQ(text.made, 2);
  EXPECT_EQ(packed.made, 1);
}

TEST(Tail, holds_one_run_of_events_and_finds_them_by_seq) {
  Tail tail;
  EXPECT_EQ(tail.find(Seq(1)), nullptr);
  EXPECT_NE(tail.add(note(5)), nullptr);
  EXPECT_NE(tail.add(note(6)), nullptr);
  EXPECT_EQ(tail.find(Seq(4)), nullptr);
  EXPECT_EQ(tail.find(Seq(5))->event().seq, Seq(5));
  EXPECT_EQ(tail.find(Seq(6))->event().seq, Seq(6));
  EXPECT_EQ(tail.find(Seq(7)), nullptr);
}

TEST(Tail, ignores_what_it_holds_already) {
  Tail tail;
  (void)tail.add(note(5));
  EXPECT_EQ(tail.add(note(5)), nullptr);
  EXPECT_EQ(tail.add(note(3)), nullptr);
  EXPECT_EQ(tail.bytes(), note(5)->body.size() + 256);
}

TEST(Tail, starts_anew_behind_a_hole) {
  Tail tail;
  (void)tail.add(note(5));
  EXPECT_NE(tail.add(note(7)), nullptr);
  EXPECT_EQ(tail.find(Seq(5)), nullptr);
  EXPECT_EQ(tail.find(Seq(6)), nullptr);
  EXPECT_NE(tail.find(Seq(7)), nullptr);
}

TEST(Tail, forgets_what_retention_took) {
  Tail tail;
  for (int i = 1; i <= 5; ++i) (void)tail.add(note(i));
  tail.trim(Seq(4));
  EXPECT_EQ(tail.find(Seq(3)), nullptr);
  EXPECT_NE(tail.find(Seq(4)), nullptr);
  tail.trim(Seq(100));
  EXPECT_EQ(tail.bytes(), 0U);
  EXPECT_NE(tail.add(note(6)), nullptr);
}

TEST(Tail, is_bounded_by_number_and_by_bytes_and_always_has_the_newest) {
  Tail tail;
  for (int i = 1; i <= 2'000; ++i) (void)tail.add(note(i, ""));
  EXPECT_EQ(tail.find(Seq(2'000 - static_cast<std::int64_t>(Tail::kMaxEvents))), nullptr);
  EXPECT_NE(tail.find(Seq(2'001 - static_cast<std::int64_t>(Tail::kMaxEvents))), nullptr);
  for (int i = 2'001; i <= 2'100; ++i) (void)tail.add(note(i, std::string(60'000, 'x')));
  EXPECT_LE(tail.bytes(), Tail::kMaxBytes);
  (void)tail.add(note(2'101, std::string(Tail::kMaxBytes * 2, 'x')));
  EXPECT_NE(tail.find(Seq(2'101)), nullptr);
  EXPECT_EQ(tail.find(Seq(2'100)), nullptr);
}

}  // namespace
}  // namespace indaba::stream
