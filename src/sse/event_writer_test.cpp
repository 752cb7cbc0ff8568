#include "sse/event_writer.hpp"

#include <gtest/gtest.h>

namespace indaba::sse {
namespace {

std::string event(std::string_view name, std::string_view id, std::string_view data) {
  std::string out;
  append_event(out, name, id, data);
  return out;
}

TEST(EventWriter, writes_name_id_and_data) {
  EXPECT_EQ(event("", "c1", R"({"a":1})"), "id: c1\ndata: {\"a\":1}\n\n");
  EXPECT_EQ(event("reset", "", "{}"), "event: reset\ndata: {}\n\n");
  EXPECT_EQ(event("", "", ""), "data: \n\n") << "an event without data would not be dispatched";
}

TEST(EventWriter, starts_a_data_line_at_every_line_end) {
  EXPECT_EQ(event("", "", "a\nb\rc\r\nd"), "data: a\ndata: b\ndata: c\ndata: d\n\n");
  EXPECT_EQ(event("", "", "\n"), "data: \ndata: \n\n");
  EXPECT_EQ(event("", "", "\r"), "data: \ndata: \n\n");
}

TEST(EventWriter, lets_nothing_forge_a_field) {
  EXPECT_EQ(
      event("x\nid: evil", "1\r\n\ndata: evil", "a\n\nevent: evil\rid: 7"),
      "event: xid: evil\nid: 1data: evil\ndata: a\ndata: \ndata: event: evil\ndata: id: 7\n\n");
  EXPECT_EQ(event("",
                  std::string_view("1\0"
                                   "2",
                                   3),
                  std::string_view("a\0b", 3)),
            "id: 12\ndata: a\xEF\xBF\xBD"
            "b\n\n");
}

TEST(EventWriter, writes_comments_and_retry) {
  std::string out;
  append_comment(out, "keep\nalive");
  append_retry(out, std::chrono::milliseconds(2000));
  EXPECT_EQ(out, ": keep\n: alive\n\nretry: 2000\n\n");
}

}  // namespace
}  // namespace indaba::sse
