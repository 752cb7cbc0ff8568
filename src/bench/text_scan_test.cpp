#include "bench/text_scan.hpp"

#include <gtest/gtest.h>
#include <string>

namespace indaba::bench {
namespace {

void expect_event(EventScanner& scanner, std::string_view message) {
  const auto found = scanner.find(message);
  ASSERT_TRUE(found) << message;
  EXPECT_EQ(found->number, 42) << message;
  EXPECT_EQ(found->sent_at, 1234567890123) << message;
  EXPECT_EQ(found->publisher, 3U) << message;
}

TEST(EventScanner, finds_an_event_wherever_a_server_put_it) {
  EventScanner scanner;
  const std::string event = R"({"n":42,"t":1234567890123,"by":3,"p":"xx"})";
  for (int twice = 0; twice < 2; ++twice) {  // the second time by what it remembers
    expect_event(scanner, event);
    expect_event(scanner, R"({"type":"tick","seq":7,"data":)" + event + "}");
    expect_event(scanner, R"(42["tick",)" + event + "]");
    expect_event(scanner, R"({"n": 42, "t": 1234567890123, "by": 3, "p": "xx"})");
    expect_event(scanner, R"({"m":"{\"n\":42,\"t\":1234567890123,\"by\":3,\"p\":\"xx\"}"})");
    expect_event(scanner, R"({"m":"{\"n\": 42, \"t\": 1234567890123, \"by\": 3}"})");
    expect_event(scanner, R"({"by":3,"p":"xx","n":42,"t":1234567890123})");
    expect_event(scanner, R"({"t":1234567890123,"by":3,"n":42})");
    expect_event(scanner, "id: 9\ndata: " + event);
  }
}

TEST(EventScanner, takes_nothing_else_for_an_event) {
  EventScanner scanner;
  for (const auto* message : {"", "n", R"("n":)", R"({"n":"42","t":1})", R"({"n":42})",
                              R"({"type":"heartbeat","timestamp":"2026"})"})
    EXPECT_FALSE(scanner.find(message)) << message;
}

TEST(EventScanner, reads_the_server_s_own_seq_before_the_event_only) {
  EventScanner scanner;
  const std::string with = R"({"seq":12,"data":{"n":1,"t":2,"by":0}})";
  EXPECT_EQ(scanner.seq(with, *scanner.find(with)), 12);
  const std::string without = R"({"data":{"n":1,"t":2,"by":0,"seq":5}})";
  EXPECT_FALSE(scanner.seq(without, *scanner.find(without)));
}

TEST(TextScan, reads_members_by_name) {
  EXPECT_EQ(number_of(R"({"head":17})", "head"), 17);
  EXPECT_EQ(number_of(R"({"head":"x","b":{"head": 3}})", "head"), 3);
  EXPECT_FALSE(number_of("{}", "head"));
  EXPECT_EQ(text_of(R"({"code":"rate_limited"})", "code"), "rate_limited");
  EXPECT_EQ(text_of(R"({"code": "x"})", "code"), "x");
  EXPECT_EQ(text_of(R"({"code":4})", "code"), "");
}

}  // namespace
}  // namespace indaba::bench
