#include "feature/chat/test_chat.hpp"

namespace indaba::chat {
namespace {

class ConversationsTest : public ChatFixture {
 protected:
  http::Response write(std::string_view who, std::string_view to, std::string_view text,
                       std::string_view id = "") {
    std::string body = fmt::format(R"({{"body":"{}"}})", text);
    if (!id.empty()) body = fmt::format(R"({{"body":"{}","client_message_id":"{}"}})", text, id);
    return send(who, fmt::format("POST {}/messages", path(to)), std::move(body));
  }
  std::string path(std::string_view peer) {
    return fmt::format("/api/v1/conversations/{}", user(peer).value);
  }
  std::vector<std::string> talk(std::string_view who, std::string_view peer) {
    return bodies(json_of(send(who, fmt::format("GET {}/messages", path(peer)))));
  }
  boost::json::array list(std::string_view who, std::string_view query = "") {
    return json_of(send(who, fmt::format("GET /api/v1/conversations{}", query)))
        .at("results")
        .as_array();
  }
  std::vector<std::string> told(std::string_view who, std::string_view peer) {
    std::vector<std::string> out;
    for (int seq = 1;; ++seq) {
      const auto event = send(who, fmt::format("GET {}/events/{}", path(peer), seq));
      if (event.status != 200) return out;
      out.push_back(event.body);
    }
  }
  void block(std::string_view who, std::string_view whom) {
    auto change = [this, one = user(who), other = user(whom)](db::WriteTx& tx) {
      return tx.sql().execute(
          "INSERT INTO user_blocks (user_id, blocked_id, created_at) VALUES ($1, $2, $3)", one,
          other, to_millis(clock_.wall()));
    };
    ASSERT_TRUE(db::write_blocking(*database_, db::Shard(), change));
  }
};

TEST_F(ConversationsTest, two_people_write_to_each_other_and_see_the_same) {
  EXPECT_EQ(write("ben", "carla", "hello").status, 201);
  EXPECT_EQ(write("carla", "ben", "hi").status, 201);
  EXPECT_THAT(talk("ben", "carla"), testing::ElementsAre("hi", "hello"));
  EXPECT_THAT(talk("carla", "ben"), testing::ElementsAre("hi", "hello"));
  EXPECT_TRUE(talk("anna", "ben").empty()) << "another conversation";
  const auto other_path = json_of(send(
      "ben", fmt::format("GET /api/v1/communication/chats/conversation/{}", user("carla").value)));
  EXPECT_THAT(bodies(other_path), testing::ElementsAre("hi", "hello"));
}

TEST_F(ConversationsTest, each_of_the_two_knows_its_stream_by_the_other_one) {
  const auto ben = resolve("ben", fmt::format("conversations/{}", user("carla").value));
  const auto carla = resolve("carla", fmt::format("conversations/{}/", user("ben").value));
  ASSERT_TRUE(ben);
  ASSERT_TRUE(carla);
  EXPECT_EQ(ben->id, carla->id) << "made by the first who asks";
  EXPECT_EQ(ben->peer, user("carla"));
  EXPECT_EQ(carla->peer, user("ben"));
  EXPECT_FALSE(ben->org);
  write("ben", "carla", "hello");
  ASSERT_EQ(told("carla", "ben").size(), 1U);
  EXPECT_THAT(told("carla", "ben")[0],
              testing::HasSubstr(fmt::format(R"("stream":"conversations/{}")", user("ben").value)));
}

TEST_F(ConversationsTest, who_has_no_organisation_in_common_is_not_there) {
  for (const auto* who : {"zoe", "nobody"}) {
    const auto id = std::string_view(who) == "zoe" ? user("zoe").value : 4711;
    EXPECT_EQ(send("ben", fmt::format("GET /api/v1/conversations/{}/messages", id)).status, 404);
    EXPECT_EQ(send("ben", fmt::format("POST /api/v1/conversations/{}/messages", id),
                   R"({"body":"hello"})")
                  .status,
              404);
    EXPECT_EQ(
        send("ben", "POST /api/v1/conversations", fmt::format(R"({{"user_id":{}}})", id)).status,
        404);
    EXPECT_FALSE(resolve("ben", fmt::format("conversations/{}", id)));
  }
  EXPECT_EQ(write("ben", "ben", "to myself").status, 404);
  EXPECT_FALSE(resolve("key", fmt::format("conversations/{}", user("ben").value)));
}

TEST_F(ConversationsTest, a_message_of_two_others_is_not_there) {
  const auto id = json_of(write("ben", "carla", "hello")).at("id").as_int64();
  for (const auto* who : {"anna", "mia", "zoe"}) {
    EXPECT_EQ(send(who, fmt::format("PATCH /api/v1/messages/{}", id), R"({"body":"x"})").status,
              404);
    EXPECT_EQ(send(who, fmt::format("DELETE /api/v1/messages/{}", id)).status, 404);
    EXPECT_EQ(send(who, fmt::format("GET /api/v1/messages/{}/history", id)).status, 404);
    EXPECT_EQ(send(who, fmt::format("PUT /api/v1/messages/{}/reactions/x", id)).status, 404);
  }
  EXPECT_EQ(send("ben", fmt::format("PATCH /api/v1/messages/{}", id), R"({"body":"hi"})").status,
            200);
  EXPECT_EQ(send("carla", fmt::format("PUT /api/v1/messages/{}/reactions/x", id)).status, 200);
  EXPECT_EQ(send("carla", fmt::format("PATCH /api/v1/messages/{}", id), R"({"body":"x"})").status,
            403);
}

TEST_F(ConversationsTest, a_repeat_is_the_first_message_and_another_senders_id_is_its_own) {
  const auto first = json_of(write("ben", "carla", "hello", "c-1"));
  const auto again = write("ben", "carla", "hello", "c-1");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(json_of(again).at("id"), first.at("id"));
  EXPECT_EQ(write("ben", "carla", "other", "c-1").status, 409);
  EXPECT_EQ(write("carla", "ben", "hello", "c-1").status, 201);
}

TEST_F(ConversationsTest, people_who_blocked_one_another_do_not_write_and_still_read) {
  const auto id = json_of(write("ben", "carla", "hello")).at("id").as_int64();
  block("carla", "ben");
  EXPECT_EQ(write("ben", "carla", "are you there?").status, 403);
  EXPECT_EQ(write("carla", "ben", "no").status, 403);
  EXPECT_EQ(send("ben", fmt::format("PATCH /api/v1/messages/{}", id), R"({"body":"x"})").status,
            403);
  EXPECT_EQ(send("ben", fmt::format("PUT /api/v1/messages/{}/reactions/x", id)).status, 403);
  EXPECT_THAT(talk("ben", "carla"), testing::ElementsAre("hello"));
  EXPECT_EQ(send("ben", fmt::format("DELETE /api/v1/messages/{}", id)).status, 204);
}

TEST_F(ConversationsTest, the_list_has_what_was_said_last_first_and_goes_on_where_it_was_cut) {
  write("ben", "carla", "to carla");
  write("ben", "anna", "to anna");
  write("mia", "ben", "to ben");
  const auto all = list("ben");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].at("user").at("username"), "mia");
  EXPECT_EQ(all[0].at("unread"), 1);
  EXPECT_EQ(all[0].at("last_message").at("body"), "to ben");
  EXPECT_EQ(all[1].at("user").at("username"), "anna");
  EXPECT_EQ(all[1].at("unread"), 0);
  const auto page = json_of(send("ben", "GET /api/v1/conversations?limit=2"));
  ASSERT_EQ(page.at("results").as_array().size(), 2U);
  const auto rest = list(
      "ben", fmt::format("?limit=2&cursor={}", std::string(page.at("next_cursor").as_string())));
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].at("user").at("username"), "carla");
  const auto unread = db::run_on(executor_, service_.unread_conversations(user("ben")));
  ASSERT_EQ(unread->size(), 1U);
  EXPECT_EQ(unread->front().user.username, "mia");
  EXPECT_TRUE(list("anna").size() == 1 && list("zoe").empty());
}

TEST_F(ConversationsTest,
       opening_one_twice_is_the_same_one_and_lists_nothing_until_something_is_said) {
  const auto body = fmt::format(R"({{"user_id":{}}})", user("carla").value);
  const auto opened = send("ben", "POST /api/v1/conversations", body);
  EXPECT_EQ(opened.status, 200);
  EXPECT_EQ(json_of(opened).at("head"), 0);
  EXPECT_EQ(send("ben", "POST /api/v1/conversations", body).body, opened.body);
  EXPECT_TRUE(list("ben").empty());
  EXPECT_EQ(send("key", "POST /api/v1/conversations", body).status, 403);
}

TEST_F(ConversationsTest, the_frame_names_a_person_or_a_stream_and_calls_the_text_message_or_body) {
  const auto to = user("carla").value;
  EXPECT_THAT(
      frame("ben", fmt::format(R"({{"type":"message","receiver_id":{},"message":"a"}})", to)),
      testing::StartsWith("message_sent"));
  EXPECT_THAT(frame("ben", R"({"type":"message","body":"b"})", fmt::format("conversations/{}", to)),
              testing::StartsWith("message_sent"));
  EXPECT_THAT(talk("carla", "ben"), testing::ElementsAre("b", "a"));
  EXPECT_EQ(frame("ben", fmt::format(R"({{"type":"message","receiver_id":{}}})", to)),
            "missing_field");
  EXPECT_EQ(
      frame("ben",
            fmt::format(R"({{"type":"message","receiver_id":{},"body":"a","message":"b"}})", to)),
      "invalid_field");
  EXPECT_EQ(frame("ben", R"({"type":"message","receiver_id":4711,"body":"a"})"), "not_found");
}

TEST_F(ConversationsTest, what_reached_a_device_is_told_once_and_only_of_messages) {
  write("ben", "carla", "one");
  write("ben", "carla", "two");
  const auto stream = resolve("carla", fmt::format("conversations/{}", user("ben").value))->id;
  const auto flush = [&] {
    auto flushing = [](Chat& chat) -> Task<int> {
      auto work = chat.flush_delivered();
      co_await work;
      co_return 0;
    };
    db::run_on(executor_, flushing(service_));
  };
  delivered_.on_ack(stream, user("carla"), Seq(1));
  delivered_.on_ack(stream, user("carla"), Seq(2));
  delivered_.on_ack(stream, user("ben"), Seq(2));
  delivered_.on_ack(stream, user("anna"), Seq(2));
  flush();
  auto events = told("ben", "carla");
  ASSERT_EQ(events.size(), 3U);
  EXPECT_THAT(events[2], testing::HasSubstr(R"("type":"delivery_receipt")"));
  EXPECT_THAT(events[2], testing::HasSubstr(R"("up_to":2)"));
  delivered_.on_ack(stream, user("carla"), Seq(3));
  delivered_.on_ack(stream, user("ben"), Seq(3));
  flush();
  EXPECT_EQ(told("ben", "carla").size(), 3U) << "a receipt needs no receipt";
  const auto receipts = json_of(send("ben", fmt::format("GET {}/receipts", path("carla"))));
  ASSERT_EQ(receipts.at("results").as_array().size(), 2U);
  EXPECT_EQ(receipts.at("results").at(1).at("delivered"), 2);
}

TEST_F(ConversationsTest, reading_receipts_of_receipts_comes_to_an_end) {
  write("ben", "carla", "one");
  const auto read = [&](std::string_view who, std::string_view peer, int up_to) {
    return send(who, fmt::format("POST {}/read", path(peer)),
                fmt::format(R"({{"up_to":{}}})", up_to));
  };
  EXPECT_EQ(json_of(read("carla", "ben", 1)).at("unread"), 0);
  EXPECT_EQ(told("ben", "carla").size(), 2U);
  read("ben", "carla", 2);
  read("carla", "ben", 2);
  EXPECT_EQ(told("ben", "carla").size(), 2U);
}

TEST_F(ConversationsTest, who_leaves_the_only_common_organisation_is_not_there_any_more) {
  write("ben", "carla", "hello");
  auto change = [this](db::WriteTx& tx) {
    return tx.sql().execute("DELETE FROM org_members WHERE user_id = $1", user("carla"));
  };
  ASSERT_TRUE(db::write_blocking(*database_, db::Shard(), change));
  EXPECT_EQ(write("ben", "carla", "still there?").status, 404);
  EXPECT_EQ(send("carla", fmt::format("GET {}/messages", path("ben"))).status, 404);
  EXPECT_TRUE(list("ben").empty());
}

}  // namespace
}  // namespace indaba::chat
