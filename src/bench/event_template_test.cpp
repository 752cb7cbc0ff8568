#include "bench/event_template.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::bench {
namespace {

std::string fill(std::string_view text, std::size_t payload, EventTemplate::Values values) {
  SeededRandom random(7);
  std::string out;
  EventTemplate::parse(text, payload).value().append_to(out, values, random);
  return out;
}

TEST(EventTemplate, fills_an_event_of_exactly_the_wanted_size) {
  for (const std::int64_t number : {1, 999, 1'000'000}) {
    const auto text = fill("{event}", 256, {number, 1234567890, 2});
    EXPECT_EQ(text.size(), 256U);
    const auto event = boost::json::parse(text).as_object();
    EXPECT_EQ(event.at("n"), number);
    EXPECT_EQ(event.at("t"), 1234567890);
    EXPECT_EQ(event.at("by"), 2);
  }
  EXPECT_EQ(fill("{event}", 0, {1, 2, 0}), R"({"n":1,"t":2,"by":0,"p":""})");
}

TEST(EventTemplate, leaves_the_braces_of_json_alone) {
  const auto text = fill(R"({"type":"publish","data":{event},"also":{"x":{}}})", 64, {5, 6, 0});
  EXPECT_EQ(boost::json::parse(text).at("data").at("n"), 5);
}

TEST(EventTemplate, escapes_an_event_that_goes_into_a_string) {
  const auto text = fill(R"({"body":"{event_string}"})", 100, {5, 6, 0});
  const auto inside = boost::json::parse(text).at("body").as_string();
  EXPECT_EQ(inside.size(), 100U);
  EXPECT_EQ(boost::json::parse(inside).at("n"), 5);
}

TEST(EventTemplate, names_the_sender_outside_of_the_event_too) {
  EXPECT_EQ(fill("room{sender} {event}", 0, {1, 2, 17}), R"(room17 {"n":1,"t":2,"by":17,"p":""})");
  EXPECT_FALSE(EventTemplate::parse("room{sender}", 0));
}

TEST(EventTemplate, makes_a_random_uuid_for_every_event) {
  SeededRandom random(7);
  const auto made = EventTemplate::parse("{uuid} {event}", 0).value();
  std::string one;
  std::string two;
  made.append_to(one, {}, random);
  made.append_to(two, {}, random);
  EXPECT_THAT(one, testing::MatchesRegex(
                       "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12} .*"));
  EXPECT_NE(one.substr(0, 36), two.substr(0, 36));
}

TEST(EventTemplate, without_an_event_is_refused) {
  EXPECT_FALSE(EventTemplate::parse("{uuid}", 10));
  EXPECT_FALSE(EventTemplate::parse("hello", 10));
}

}  // namespace
}  // namespace indaba::bench
