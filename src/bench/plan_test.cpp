#include "bench/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::bench {
namespace {

using testing::HasSubstr;

Options options(Mode mode, std::string url) {
  Options made;
  made.mode = mode;
  made.url = std::move(url);
  return made;
}

std::string mistake(const Options& wrong) {
  const auto made = make_plan(wrong);
  return made ? "none" : made.error().detail;
}

TEST(Plan, of_an_indaba_stream_needs_nothing_but_its_name) {
  auto wanted = options(Mode::fanout, "ws://127.0.0.1:8080");
  wanted.stream = "orgs/acme/topics/t";
  const auto plan = make_plan(wanted).value();
  EXPECT_EQ(plan.readers->endpoint.url.target, "/ws/orgs/acme/topics/t/?welcome=0");
  EXPECT_EQ(plan.senders->endpoint.url.target, "/ws?welcome=0");
  EXPECT_EQ(plan.readers->await, "\"subscribed\"");
  EXPECT_TRUE(plan.options.seq);
  EXPECT_EQ(plan.window, 1U);
  EXPECT_THAT(plan.options.publish, HasSubstr(R"("stream":"orgs/acme/topics/t")"));
  EXPECT_THAT(plan.options.publish, HasSubstr(R"("data":{event}})"));
}

TEST(Plan, takes_the_servers_socket_for_its_root) {
  auto wanted = options(Mode::storm, "ws://127.0.0.1:8080/ws");
  wanted.stream = "me";
  EXPECT_EQ(make_plan(wanted).value().readers->endpoint.url.target, "/ws/me/?welcome=0");
}

TEST(Plan, reads_server_sent_events_and_publishes_by_post_where_the_url_is_http) {
  auto wanted = options(Mode::fanout, "http://127.0.0.1:8080");
  wanted.stream = "orgs/acme/topics/t";
  const auto plan = make_plan(wanted).value();
  EXPECT_EQ(plan.readers->endpoint.protocol, Protocol::event_stream);
  EXPECT_EQ(plan.readers->endpoint.url.target, "/api/v1/events?stream=orgs/acme/topics/t");
  EXPECT_EQ(plan.senders->endpoint.protocol, Protocol::http_post);
  EXPECT_EQ(plan.senders->endpoint.url.target, "/api/v1/orgs/acme/topics/t/events");
}

TEST(Plan, publishes_with_a_random_key_and_counts_answers) {
  auto wanted = options(Mode::publish, "ws://127.0.0.1:8080");
  wanted.stream = "orgs/acme/topics/t";
  const auto plan = make_plan(wanted).value();
  EXPECT_FALSE(plan.readers);
  EXPECT_EQ(plan.answer, Answer::text);
  EXPECT_EQ(plan.options.publish_await, "\"published\"");
  EXPECT_EQ(plan.senders->await, "");
  EXPECT_THAT(plan.options.publish, HasSubstr(R"("dedupe_key":"{uuid}")"));
}

TEST(Plan, spreads_connections_over_processes_and_keeps_publishers_together) {
  auto wanted = options(Mode::fanout, "ws://127.0.0.1:8080/ws");
  wanted.publish = "{event}";
  wanted.connections = 7;
  wanted.processes = 3;
  wanted.publishers = 2;
  const auto fanout = make_plan(wanted).value();
  EXPECT_EQ(fanout.readers_of(0) + fanout.readers_of(1) + fanout.readers_of(2), 7U);
  EXPECT_EQ(fanout.senders_of(0), 2U);
  EXPECT_EQ(fanout.senders_of(1), 0U);
  wanted.mode = Mode::echo;
  const auto echo = make_plan(wanted).value();
  EXPECT_EQ(echo.senders_of(0) + echo.senders_of(1) + echo.senders_of(2), 7U);
}

TEST(Plan, takes_as_many_source_addresses_as_ports_need) {
  auto wanted = options(Mode::idle, "ws://127.0.0.1:8080/ws");
  EXPECT_EQ(make_plan(wanted).value().readers->endpoint.sources, 1U);
  wanted.connections = 100'000;
  EXPECT_EQ(make_plan(wanted).value().readers->endpoint.sources, 4U);
  wanted.sources = 9;
  EXPECT_EQ(make_plan(wanted).value().readers->endpoint.sources, 9U);
}

TEST(Plan, says_in_a_sentence_what_is_wrong) {
  EXPECT_THAT(mistake(options(Mode::fanout, "ws://127.0.0.1:1/")), HasSubstr("--publish"));
  EXPECT_THAT(mistake(options(Mode::publish, "ws://127.0.0.1:1/")), HasSubstr("--publish"));
  EXPECT_THAT(mistake(options(Mode::reconnect, "ws://127.0.0.1:1/")), HasSubstr("--stream"));
  EXPECT_THAT(mistake(options(Mode::echo, "http://127.0.0.1:1/")), HasSubstr("ws://"));
  EXPECT_THAT(mistake(options(Mode::idle, "127.0.0.1:1")), HasSubstr("URL"));
  auto wrong = options(Mode::idle, "ws://127.0.0.1:1/");
  wrong.connections = 0;
  EXPECT_THAT(mistake(wrong), HasSubstr("--connections"));
  wrong = options(Mode::idle, "ws://127.0.0.1:1/");
  wrong.headers = {"no header"};
  EXPECT_THAT(mistake(wrong), HasSubstr("Name: value"));
  wrong = options(Mode::fanout, "ws://127.0.0.1:1/");
  wrong.publish = "{event}";
  wrong.rate = 5;
  wrong.window = 5;
  EXPECT_THAT(mistake(wrong), HasSubstr("exclude each other"));
}

}  // namespace
}  // namespace indaba::bench
