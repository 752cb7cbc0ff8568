#include "feature/topics/topics.hpp"

#include "feature/orgs/test_feature.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::topics {
namespace {

struct RememberingPublisher final : stream::EphemeralPublisher {
  std::vector<std::string> sent;
  void publish_ephemeral(StreamId, std::string type, std::string body) override {
    sent.push_back(type + body);
  }
};

class TopicsTest : public orgs::FeatureFixture {
 protected:
  TopicsTest() {
    service_.add_routes(endpoints_);
    service_.add_frames(frames_);
    service_.add_streams(names_);
    changes_.listen([this](const api::AccessChange& change) {
      if (std::holds_alternative<api::StreamClosed>(change)) ++closed_;
    });
    start_feature();
  }
  http::Response declare(std::string body, std::string_view who = "anna") {
    return send(who, "PUT /api/v1/orgs/acme/topics/prices", std::move(body));
  }
  http::Response publish(std::string body, std::string_view who = "anna", std::string key = {}) {
    return send(who, "POST /api/v1/orgs/acme/topics/prices/events", std::move(body),
                std::move(key));
  }
  std::string frame(std::string_view who, std::string_view text) {
    api::FrameArrival arrival;
    arrival.principal = authenticator_.known.find(who)->second;
    arrival.url_stream = "orgs/acme/topics/prices";
    arrival.frame = boost::json::parse(text).as_object();
    const auto reply = db::run_on(executor_, frames_.dispatch(std::move(arrival)));
    return reply ? reply->type + reply->members : std::string(api::socket_code(reply.error()));
  }

  int closed_ = 0;
  RememberingPublisher ephemeral_;
  Topics service_{
      {*database_, memberships_, ephemeral_, changes_, limiter_, limits_, clock_, random_}};
};

TEST_F(TopicsTest, one_event_or_many_are_published_with_their_numbers) {
  EXPECT_EQ(publish(R"({"type":"tick","data":1})").status, 404) << "not declared";
  EXPECT_EQ(declare("{}").status, 200);
  EXPECT_EQ(publish(R"({"type":"tick","data":{"p":1}})").body,
            R"({"results":[{"seq":1,"duplicate":false}]})");
  EXPECT_EQ(publish(R"([{"type":"tick","data":1},{"type":"tick","data":null}])").body,
            R"({"results":[{"seq":2,"duplicate":false},{"seq":3,"duplicate":false}]})");
}

TEST_F(TopicsTest, an_array_is_all_or_nothing_and_holds_up_to_a_thousand) {
  declare("{}");
  const auto wrong = publish(R"([{"type":"tick","data":1},{"type":"No Type","data":2}])");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(json_of(wrong).at("errors").at(0).at("field"), "1.type");
  std::string many = "[";
  for (int i = 0; i < 1000; ++i) many += R"({"type":"t","data":1},)";
  many.back() = ']';
  EXPECT_EQ(json_of(publish(many)).at("results").at(999).at("seq"), 1000);
  many.back() = ',';
  EXPECT_EQ(publish(many + R"({"type":"t","data":1}])").status, 422);
  EXPECT_EQ(publish("[]").status, 422);
}

TEST_F(TopicsTest, dedupe_keys_repeat_the_first_answer) {
  declare("{}");
  publish(R"([{"type":"t","data":0,"dedupe_key":"a"},{"type":"t","data":1,"dedupe_key":"b"}])");
  EXPECT_EQ(
      publish(R"([{"type":"t","data":1,"dedupe_key":"b"},{"type":"t","data":2,"dedupe_key":"c"}])")
          .body,
      R"({"results":[{"seq":2,"duplicate":true},{"seq":3,"duplicate":false}]})");
  const auto other = publish(R"([{"type":"t","data":9},{"type":"t","data":9,"dedupe_key":"a"}])");
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(code_of(other), "conflict");
  EXPECT_EQ(publish(R"({"type":"t","data":3})").body,
            R"({"results":[{"seq":4,"duplicate":false}]})");
}

TEST_F(TopicsTest, an_idempotency_key_repeats_a_batch) {
  declare("{}");
  const auto first =
      publish(R"([{"type":"t","data":0},{"type":"t","data":1,"ephemeral":true}])", "anna", "k");
  EXPECT_EQ(first.body, R"({"results":[{"seq":1,"duplicate":false},{"duplicate":false}]})");
  EXPECT_EQ(
      publish(R"([{"type":"t","data":0},{"type":"t","data":1,"ephemeral":true}])", "anna", "k")
          .body,
      first.body);
  EXPECT_EQ(ephemeral_.sent.size(), 1U);
}

TEST_F(TopicsTest, a_topic_that_is_not_durable_sends_and_keeps_nothing) {
  EXPECT_EQ(declare(R"({"durable":false})").status, 200);
  EXPECT_EQ(publish(R"({"type":"moved","data":{"x":1}})").body,
            R"({"results":[{"duplicate":false}]})");
  EXPECT_EQ(ephemeral_.sent, std::vector<std::string>{R"(moved,"data":{"x":1})"});
  EXPECT_FALSE(resolve("ben", "orgs/acme/topics/prices")->durable);
}

TEST_F(TopicsTest, what_leaves_no_trace_needs_no_transaction_and_the_same_rights) {
  declare(R"({"client_publish":"none"})");
  publish(R"({"type":"t","data":0})");
  const auto before = database_->stats().changes_committed.load();
  EXPECT_EQ(publish(R"({"type":"t","data":1,"ephemeral":true})").status, 200);
  EXPECT_EQ(publish(R"({"type":"t","data":1,"ephemeral":true})", "ben").status, 403);
  EXPECT_EQ(database_->stats().changes_committed.load(), before);
  EXPECT_EQ(ephemeral_.sent.size(), 1U);
}

TEST_F(TopicsTest, a_topic_that_changed_is_not_what_memory_says) {
  declare(R"({"durable":false,"client_publish":"none"})");
  EXPECT_EQ(publish(R"({"type":"t","data":1})", "ben").status, 403);
  declare(R"({"durable":true,"client_publish":"members"})");
  EXPECT_EQ(publish(R"({"type":"t","data":1})", "ben").body,
            R"({"results":[{"seq":1,"duplicate":false}]})");
}

TEST_F(TopicsTest, durable_cannot_change_while_events_are_kept) {
  declare("{}");
  const auto first = resolve("ben", "orgs/acme/topics/prices")->id;
  EXPECT_EQ(declare(R"({"durable":false})").status, 200) << "nothing is kept yet";
  EXPECT_NE(resolve("ben", "orgs/acme/topics/prices")->id, first);
  EXPECT_EQ(closed_, 1);
  EXPECT_EQ(declare(R"({"durable":true})").status, 200);
  publish(R"({"type":"t","data":1})");
  EXPECT_EQ(declare(R"({"durable":false})").status, 409);
  const auto kept = declare(R"({"durable":true,"retention_seconds":3600})");
  EXPECT_EQ(json_of(kept).at("retention_seconds"), 3600);
  EXPECT_EQ(json_of(kept).at("stream"), "orgs/acme/topics/prices");
}

TEST_F(TopicsTest, members_publish_only_where_the_topic_lets_them) {
  declare("{}");
  EXPECT_EQ(declare("{}", "ben").status, 403);
  EXPECT_EQ(publish(R"({"type":"t","data":1})", "ben").status, 403);
  EXPECT_EQ(publish(R"({"type":"t","data":1})", "zoe").status, 404);
  EXPECT_EQ(publish(R"({"type":"t","data":1})", "key").status, 200);
  EXPECT_EQ(frame("ben", R"({"type":"publish","event":"t","data":1})"), "forbidden");
  declare(R"({"client_publish":"members"})");
  EXPECT_EQ(publish(R"({"type":"t","data":1})", "ben").status, 200);
  EXPECT_EQ(frame("ben", R"({"type":"publish","event":"t","data":1})"),
            R"(published,"stream":"orgs/acme/topics/prices","seq":3,"duplicate":false)");
}

TEST_F(TopicsTest, the_publish_frame_answers_in_the_sockets_codes) {
  declare(R"({"client_publish":"members"})");
  EXPECT_EQ(frame("ben", R"({"type":"publish","event":"t","data":1,"ephemeral":true})"),
            R"(published,"stream":"orgs/acme/topics/prices","duplicate":false)");
  EXPECT_EQ(frame("ben", R"({"type":"publish","data":1})"), "missing_field");
  EXPECT_EQ(frame("ben", R"({"type":"publish","event":"welcome","data":1})"), "invalid_field");
  EXPECT_EQ(
      frame("ben", R"({"type":"publish","event":"t","data":1,"stream":"orgs/acme/topics/none"})"),
      "not_found");
  EXPECT_EQ(frame("ben", R"({"type":"publish","event":"t","data":1,"stream":"me"})"), "not_found");
  EXPECT_EQ(frame("zoe", R"({"type":"publish","event":"t","data":1})"), "not_found");
  EXPECT_EQ(frame("ben", R"({"type":"publish","event":"t","data":1,"dedupe_key":"k"})"),
            R"(published,"stream":"orgs/acme/topics/prices","seq":1,"duplicate":false)");
  EXPECT_EQ(frame("ben", R"({"type":"publish","event":"t","data":2,"dedupe_key":"k"})"),
            "conflict");
}

TEST_F(TopicsTest, an_event_by_socket_that_is_kept_counts_as_a_change_of_the_user) {
  declare(R"({"client_publish":"members"})");
  limits_.writes = 3;
  const auto* kept = R"({"type":"publish","event":"t","data":1})";
  const auto* passing = R"({"type":"publish","event":"t","data":1,"ephemeral":true})";
  EXPECT_EQ(publish(R"({"type":"t","data":1})", "ben").status, 200) << "by HTTP: one of three";
  for (int i = 0; i < 5; ++i) EXPECT_THAT(frame("ben", passing), testing::StartsWith("published"));
  EXPECT_THAT(frame("ben", kept), testing::StartsWith("published"));
  EXPECT_THAT(frame("ben", kept), testing::StartsWith("published"));
  EXPECT_EQ(frame("ben", kept), "rate_limited");
  EXPECT_THAT(frame("ben", passing), testing::StartsWith("published")) << "it is not kept";
  EXPECT_EQ(publish(R"({"type":"t","data":1})", "ben").status, 429) << "they are counted together";
  EXPECT_THAT(frame("key", kept), testing::StartsWith("published")) << "a key has its own number";
  limits_.key_writes = 1;
  EXPECT_EQ(frame("key", kept), "rate_limited");
  clock_.advance(Millis(61'000));
  EXPECT_THAT(frame("ben", kept), testing::StartsWith("published"));
}

TEST_F(TopicsTest, nothing_counts_by_socket_on_a_topic_that_keeps_nothing) {
  declare(R"({"durable":false,"client_publish":"members"})");
  limits_.writes = 1;
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(frame("ben", R"({"type":"publish","event":"t","data":1})"),
                testing::StartsWith("published"));
  EXPECT_EQ(publish(R"({"type":"t","data":1})", "ben").status, 200);
  EXPECT_THAT(frame("ben", R"({"type":"publish","event":"t","data":1})"),
              testing::StartsWith("published"))
      << "with nothing left, the topic is asked";
}

TEST_F(TopicsTest, a_token_that_names_the_topic_reads_it_where_the_topic_allows_it) {
  declare(R"({"read":"token"})");
  authenticator_.known["zoe"].streams = {"orgs/acme/topics/prices"};
  EXPECT_TRUE(resolve("zoe", "orgs/acme/topics/prices"));
  EXPECT_TRUE(resolve("ben", "orgs/acme/topics/prices"));
  EXPECT_FALSE(resolve("zoe", "orgs/acme/topics/other"));
  declare(R"({"read":"members"})");
  EXPECT_EQ(closed_, 1) << "its readers must look again";
  EXPECT_FALSE(resolve("zoe", "orgs/acme/topics/prices"));
  EXPECT_FALSE(resolve("", "orgs/acme/topics/prices"));
}

TEST_F(TopicsTest, an_event_is_read_whole_by_its_number_however_long_it_is) {
  declare("{}");
  publish(R"([{"type":"t","data":1},{"type":"long","data":")" + std::string(20'000, 'x') +
          R"("}])");
  const auto path = "GET /api/v1/orgs/acme/topics/prices/events/";
  const auto whole = json_of(send("ben", path + std::string("2")));
  EXPECT_EQ(whole.at("stream"), "orgs/acme/topics/prices");
  EXPECT_EQ(whole.at("type"), "long");
  EXPECT_EQ(whole.at("seq"), 2);
  EXPECT_EQ(whole.at("data").as_string().size(), 20'000U);
  EXPECT_FALSE(whole.contains("truncated"));
  for (const std::string seq : {"0", "3", "-1", "x", "9007199254740993"})
    EXPECT_EQ(send("ben", path + seq).status, 404) << seq;
}

TEST_F(TopicsTest, an_event_is_read_by_whom_the_topic_lets_read) {
  declare("{}");
  publish(R"({"type":"t","data":1})");
  const auto* line = "GET /api/v1/orgs/acme/topics/prices/events/1";
  EXPECT_EQ(send("", line).status, 401);
  EXPECT_EQ(send("zoe", line).status, 404);
  EXPECT_EQ(send("key", line).status, 404) << "a key that publishes does not read";
  authenticator_.known["key"].scopes = {"read"};
  EXPECT_EQ(send("key", line).status, 200);
  authenticator_.known["zoe"].streams = {"orgs/acme/topics/prices"};
  EXPECT_EQ(send("zoe", line).status, 404) << "the topic is for members";
  declare(R"({"read":"token"})");
  EXPECT_EQ(send("zoe", line).status, 200);
}

TEST_F(TopicsTest, a_wrong_declaration_names_the_field) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"({"durable":"yes"})", "durable"},
      {R"({"retention_seconds":-1})", "retention_seconds"},
      {R"({"client_publish":"all"})", "client_publish"},
      {R"({"read":"all"})", "read"},
      {R"({"colour":1})", "colour"}};
  for (const auto& [body, field] : cases)
    EXPECT_EQ(json_of(declare(body)).at("errors").at(0).at("field").as_string(), field) << body;
  EXPECT_EQ(send("anna", "PUT /api/v1/orgs/acme/topics/Not%20a%20slug", "{}").status, 422);
}

}  // namespace
}  // namespace indaba::topics
