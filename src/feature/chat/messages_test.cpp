#include "feature/chat/test_chat.hpp"

namespace indaba::chat {
namespace {

using MessagesTest = ChatFixture;

TEST_F(MessagesTest, a_message_is_a_row_and_an_event) {
  const auto sent = say("ben", R"({"body":"hello","client_message_id":"c-1"})");
  EXPECT_EQ(sent.status, 201);
  const auto message = json_of(sent);
  EXPECT_EQ(message.at("seq"), 1);
  EXPECT_EQ(message.at("duplicate"), false);
  EXPECT_EQ(message.at("author").at("username"), "ben");
  const auto event = fmt::format(
      R"({{"type":"message","stream":"orgs/acme/rooms/general","seq":1,"created_at":"{}","id":{},)"
      R"("author":{{"id":{},"username":"ben"}},"body":"hello","client_message_id":"c-1",)"
      R"("reply_to":null,"thread_id":null,"attachments":[]}})",
      std::string_view(message.at("created_at").as_string()), message.at("id").as_int64(),
      user("ben").value);
  EXPECT_THAT(events(), testing::ElementsAre(event));
  auto kept = history("anna").at("messages").at(0).as_object();
  EXPECT_EQ(kept.at("created_at"), message.at("created_at"));
  EXPECT_EQ(kept.at("seq"), 1);
}

TEST_F(MessagesTest, a_repeat_answers_with_the_first_message_and_makes_no_event) {
  const auto first = json_of(say("ben", R"({"body":"hello","client_message_id":"c-1"})"));
  const auto again = say("ben", R"({"body":"hello","client_message_id":"c-1"})");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(json_of(again).at("id"), first.at("id"));
  EXPECT_EQ(json_of(again).at("seq"), first.at("seq"));
  EXPECT_EQ(json_of(again).at("created_at"), first.at("created_at"));
  EXPECT_EQ(json_of(again).at("duplicate"), true);
  EXPECT_EQ(events().size(), 1U);
  EXPECT_THAT(frame("ben", R"({"type":"message","body":"hello","client_message_id":"c-1"})"),
              testing::EndsWith(R"("duplicate":true)"))
      << "whichever way it comes";
}

TEST_F(MessagesTest, other_content_under_the_same_id_is_a_conflict) {
  say("ben", R"({"body":"hello","client_message_id":"c-1"})");
  const auto other = say("ben", R"({"body":"other","client_message_id":"c-1"})");
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(code_of(other), "conflict");
  EXPECT_EQ(frame("ben", R"({"type":"message","body":"other","client_message_id":"c-1"})"),
            "conflict");
  EXPECT_EQ(events().size(), 1U);
}

TEST_F(MessagesTest, an_id_is_one_senders_in_one_room) {
  make_room("news");
  EXPECT_EQ(say("ben", R"({"body":"a","client_message_id":"c-1"})").status, 201);
  EXPECT_EQ(say("anna", R"({"body":"b","client_message_id":"c-1"})").status, 201);
  EXPECT_EQ(say("ben", R"({"body":"c","client_message_id":"c-1"})", "news").status, 201);
}

TEST_F(MessagesTest, two_repeats_in_one_commit_are_one_message) {
  std::vector<std::thread> senders;
  std::atomic<int> made = 0;
  const auto caller = authenticator_.known.at("ben");
  for (int i = 0; i < 4; ++i)
    senders.emplace_back([&] {
      db::TestExecutor executor;
      SendMessage message;
      message.body = MessageBody("hello");
      message.client_message_id = ClientMessageId("c-1");
      const auto sent = db::run_on(
          executor, service_.send({acme_.org, RoomId(), "general"}, caller, message, api::Once()));
      if (sent && !sent->duplicate) ++made;
    });
  for (auto& sender : senders) sender.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(events().size(), 1U);
}

TEST_F(MessagesTest, an_idempotency_key_repeats_the_answer) {
  const auto first = say("ben", R"({"body":"hello"})", "general", "k");
  const auto again = say("ben", R"({"body":"hello"})", "general", "k");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(json_of(first).at("seq"), 1);
  EXPECT_EQ(events().size(), 1U);
}

TEST_F(MessagesTest, the_message_frame_answers_with_its_place) {
  EXPECT_THAT(
      frame("ben", R"({"type":"message","body":"hello","client_message_id":"c-1"})"),
      testing::MatchesRegex(R"re(message_sent,"client_message_id":"c-1","id":[0-9]+,"seq":1,)re"
                            R"re("created_at":"[^"]+","duplicate":false)re"));
  const auto id = make_room("news");
  EXPECT_THAT(
      frame("ben", fmt::format(R"({{"type":"message","body":"hi","stream":"channels/{}"}})", id)),
      testing::HasSubstr(R"("client_message_id":null)"));
}

TEST_F(MessagesTest, the_message_frame_refuses_in_the_sockets_codes) {
  EXPECT_EQ(frame("ben", R"({"type":"message"})"), "missing_field");
  EXPECT_EQ(frame("ben", R"({"type":"message","body":""})"), "invalid_field");
  EXPECT_EQ(frame("ben", R"({"type":"message","body":1})"), "invalid_field");
  EXPECT_EQ(frame("ben", R"({"type":"message","body":"a","colour":1})"), "invalid_field");
  EXPECT_EQ(frame("ben", R"({"type":"message","body":"a","thread_id":5})"), "invalid_field");
  EXPECT_EQ(frame("ben", R"({"type":"message","body":"a","attachments":[5]})"), "invalid_field");
  EXPECT_EQ(frame("ben", R"({"type":"message","body":"a","stream":"me"})"), "not_found");
  EXPECT_EQ(frame("ben", R"({"type":"message","body":"a"})", ""), "missing_field");
  EXPECT_EQ(frame("zoe", R"({"type":"message","body":"a"})"), "not_found");
  EXPECT_EQ(events().size(), 0U);
}

TEST_F(MessagesTest, a_message_is_as_long_as_the_operator_lets_it) {
  const auto text = [](std::size_t n) {
    std::string body;
    for (std::size_t i = 0; i < n; ++i) body += "é";
    return R"({"body":")" + body + R"("})";
  };
  EXPECT_EQ(say("ben", text(5'000)).status, 201) << "code points, not bytes";
  const auto long_one = say("ben", text(5'001));
  EXPECT_EQ(long_one.status, 422);
  EXPECT_EQ(json_of(long_one).at("errors").at(0).at("field"), "body");
  EXPECT_EQ(json_of(long_one).at("errors").at(0).at("code"), "too_long");
  service_.limits().message_chars = 3;
  EXPECT_EQ(say("ben", text(3)).status, 201);
  EXPECT_EQ(frame("ben", R"({"type":"message","body":"four"})"), "too_long");
}

TEST_F(MessagesTest, a_user_sends_sixty_in_a_minute_over_all_rooms_and_ways) {
  make_room("news");
  service_.limits().messages_per_minute = 3;
  EXPECT_EQ(say("ben", R"({"body":"1"})").status, 201);
  EXPECT_EQ(say("ben", R"({"body":"2"})", "news").status, 201);
  EXPECT_THAT(frame("ben", R"({"type":"message","body":"3"})"),
              testing::StartsWith("message_sent"));
  EXPECT_EQ(frame("ben", R"({"type":"message","body":"4"})"), "rate_limited");
  const auto refused = say("ben", R"({"body":"4"})");
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.headers.find("retry-after"));
  EXPECT_EQ(say("anna", R"({"body":"1"})").status, 201) << "everybody has their own number";
  clock_.advance(Millis(61'000));
  EXPECT_EQ(say("ben", R"({"body":"4"})").status, 201);
}

TEST_F(MessagesTest, a_reply_names_a_message_of_the_same_room) {
  const auto first = say_text("ben", "question");
  const auto reply = say("anna", fmt::format(R"({{"body":"answer","reply_to":{}}})", first));
  EXPECT_EQ(json_of(reply).at("reply_to"), first);
  EXPECT_THAT(events().back(), testing::HasSubstr(fmt::format(R"("reply_to":{})", first)));
  make_room("news");
  const auto elsewhere =
      say("anna", fmt::format(R"({{"body":"answer","reply_to":{}}})", first), "news");
  EXPECT_EQ(elsewhere.status, 422);
  EXPECT_EQ(json_of(elsewhere).at("errors").at(0).at("field"), "reply_to");
}

TEST_F(MessagesTest, a_forum_takes_no_messages_outside_of_threads) {
  send("anna", "POST /api/v1/orgs/acme/rooms", R"({"slug":"forum","kind":"forum"})");
  const auto refused = say("ben", R"({"body":"hello"})", "forum");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(json_of(refused).at("errors").at(0).at("field"), "thread_id");
}

TEST_F(MessagesTest, in_slow_mode_a_member_writes_once_in_a_while_and_moderators_as_they_like) {
  const auto set = [&](int seconds) {
    return send("anna", "PATCH /api/v1/orgs/acme/rooms/general",
                fmt::format(R"({{"slow_mode_seconds":{}}})", seconds));
  };
  EXPECT_EQ(json_of(set(30)).at("slow_mode_seconds"), 30);
  EXPECT_EQ(say("ben", R"({"body":"1","client_message_id":"c-1"})").status, 201);
  const auto refused = say("ben", R"({"body":"2"})");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(json_of(refused).at("code"), "rate_limited");
  EXPECT_EQ(say("ben", R"({"body":"1","client_message_id":"c-1"})").status, 200) << "a repeat";
  EXPECT_EQ(say("carla", R"({"body":"3"})").status, 201);
  EXPECT_EQ(say("mia", R"({"body":"4"})").status, 201);
  EXPECT_EQ(say("mia", R"({"body":"5"})").status, 201);
  clock_.advance(std::chrono::seconds(31));
  EXPECT_EQ(say("ben", R"({"body":"6"})").status, 201);
  EXPECT_EQ(set(-1).status, 422);
  EXPECT_EQ(set(0).status, 200);
  EXPECT_EQ(say("ben", R"({"body":"7"})").status, 201);
}

TEST_F(MessagesTest, who_has_sent_is_not_typing_any_more) {
  say("ben", R"({"body":"hello","client_message_id":"c-1"})");
  say("ben", R"({"body":"hello","client_message_id":"c-1"})");
  ASSERT_EQ(typing_.stopped.size(), 1U);
  EXPECT_EQ(typing_.stopped[0].first, resolve("ben", "orgs/acme/rooms/general")->id);
  EXPECT_EQ(typing_.stopped[0].second, user("ben"));
}

}  // namespace
}  // namespace indaba::chat
