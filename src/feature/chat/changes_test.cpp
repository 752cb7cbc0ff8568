#include "feature/chat/test_chat.hpp"

namespace indaba::chat {
namespace {

class ChangesTest : public ChatFixture {
 protected:
  http::Response edit(std::string_view who, std::int64_t id, std::string_view body) {
    return send(who, fmt::format("PATCH /api/v1/messages/{}", id),
                fmt::format(R"({{"body":"{}"}})", body));
  }
  http::Response remove(std::string_view who, std::int64_t id) {
    return send(who, fmt::format("DELETE /api/v1/messages/{}", id));
  }
  http::Response restore(std::string_view who, std::int64_t id) {
    return send(who, fmt::format("POST /api/v1/messages/{}/restore", id));
  }
  http::Response versions(std::string_view who, std::int64_t id) {
    return send(who, fmt::format("GET /api/v1/messages/{}/history", id));
  }
  // The clock of messages is the machine's, the one of the rules the test's.
  void a_day_passes() {
    clock_.jump_wall(SystemClock().wall() - clock_.wall() + Millis(86'500'000));
  }
};

TEST_F(ChangesTest, an_edit_changes_the_text_and_keeps_what_it_was) {
  const auto id = say_text("ben", "helo");
  const auto edited = edit("ben", id, "hello");
  EXPECT_EQ(edited.status, 200);
  EXPECT_EQ(json_of(edited).at("body"), "hello");
  EXPECT_FALSE(json_of(edited).at("edited_at").is_null());
  edit("mia", id, "hello!");
  EXPECT_THAT(bodies(history("anna")), testing::ElementsAre("hello!"));
  const auto told = events();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_THAT(told[1], testing::HasSubstr(R"("type":"message_edited")"));
  EXPECT_THAT(told[1], testing::HasSubstr(R"("body":"hello")"));
  EXPECT_THAT(told[2], testing::HasSubstr(R"("username":"mia")"));
  const auto kept = json_of(versions("ben", id)).at("versions").as_array();
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_EQ(kept[0].at("body"), "helo");
  EXPECT_EQ(kept[1].at("editor").at("username"), "ben");
  EXPECT_EQ(kept[2].at("version"), 3);
  EXPECT_EQ(kept[2].at("editor").at("username"), "mia");
}

TEST_F(ChangesTest, an_edit_that_changes_nothing_makes_no_event) {
  const auto id = say_text("ben", "hello");
  EXPECT_EQ(edit("ben", id, "hello").status, 200);
  EXPECT_EQ(events().size(), 1U);
  EXPECT_EQ(json_of(versions("ben", id)).at("versions").as_array().size(), 1U);
}

TEST_F(ChangesTest, authors_change_their_own_for_a_day_and_moderators_everything) {
  const auto id = say_text("ben", "hello");
  EXPECT_EQ(edit("carla", id, "mine now").status, 403);
  EXPECT_EQ(remove("carla", id).status, 403);
  EXPECT_EQ(restore("ben", id).status, 403);
  EXPECT_EQ(versions("carla", id).status, 403);
  EXPECT_EQ(edit("zoe", id, "mine now").status, 404);
  EXPECT_EQ(edit("ben", id + 1, "nothing").status, 404);
  a_day_passes();
  EXPECT_EQ(edit("ben", id, "too late").status, 403);
  EXPECT_EQ(remove("ben", id).status, 403);
  EXPECT_EQ(edit("mia", id, "never too late").status, 200);
  EXPECT_EQ(remove("mia", id).status, 204);
}

TEST_F(ChangesTest, a_private_rooms_message_is_not_there_for_others) {
  make_room("secret", true, "mia");
  const auto id = say_text("mia", "hello", "secret");
  for (const auto status : {edit("ben", id, "x").status, remove("ben", id).status,
                            restore("ben", id).status, versions("ben", id).status})
    EXPECT_EQ(status, 404);
}

TEST_F(ChangesTest, a_deleted_message_leaves_its_place_and_no_text_anywhere) {
  const auto id = say_text("ben", "secret-one");
  edit("ben", id, "secret-two");
  EXPECT_EQ(remove("ben", id).status, 204);
  EXPECT_EQ(remove("ben", id).status, 204) << "twice is once";
  const auto told = events();
  ASSERT_EQ(told.size(), 3U);
  for (const auto& event : told) EXPECT_THAT(event, testing::Not(testing::HasSubstr("secret")));
  EXPECT_THAT(told[0], testing::HasSubstr(R"("deleted":true)"));
  EXPECT_THAT(told[2], testing::HasSubstr(R"("type":"message_deleted")"));
  const auto kept = history("anna").at("messages").at(0).as_object();
  EXPECT_EQ(kept.at("deleted"), true);
  EXPECT_EQ(kept.at("body"), "");
  EXPECT_EQ(rewritten_.size(), 1U) << "what is in memory goes too";
  EXPECT_EQ(versions("ben", id).status, 403);
  EXPECT_EQ(versions("mia", id).status, 200);
  EXPECT_EQ(code_of(edit("ben", id, "again")), "message_deleted");
  EXPECT_EQ(say("anna", fmt::format(R"({{"body":"re","reply_to":{}}})", id)).status, 422);
}

TEST_F(ChangesTest, moderators_bring_a_message_back_and_it_can_be_deleted_again) {
  const auto id = say_text("ben", "secret");
  remove("ben", id);
  EXPECT_EQ(restore("ben", id).status, 403);
  const auto restored = restore("mia", id);
  EXPECT_EQ(json_of(restored).at("body"), "secret");
  EXPECT_EQ(restore("mia", id).status, 200);
  EXPECT_THAT(bodies(history("anna")), testing::ElementsAre("secret"));
  EXPECT_THAT(events().back(), testing::HasSubstr(R"("type":"message_restored")"));
  remove("ben", id);
  for (const auto& event : events()) EXPECT_THAT(event, testing::Not(testing::HasSubstr("secret")));
}

TEST_F(ChangesTest, a_repeat_of_what_was_edited_or_deleted_is_still_the_first_message) {
  const auto* body = R"({"body":"hello","client_message_id":"c-1"})";
  const auto id = json_of(say("ben", body)).at("id").as_int64();
  edit("ben", id, "other");
  EXPECT_EQ(json_of(say("ben", body)).at("body"), "other");
  remove("ben", id);
  const auto again = say("ben", body);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(json_of(again).at("deleted"), true);
  EXPECT_EQ(json_of(again).at("id"), id);
}

TEST_F(ChangesTest, reactions_are_counted_and_told_once) {
  const auto id = say_text("ben", "hello");
  const auto path = fmt::format("/api/v1/messages/{}/reactions/👍", id);
  const auto first = send("anna", "PUT " + path);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, R"({"reactions":[{"emoji":"👍","count":1,"reacted":true}]})");
  EXPECT_EQ(send("anna", "PUT " + path).body, first.body);
  send("ben", "PUT " + path);
  EXPECT_EQ(send("ben", fmt::format("PUT /api/v1/messages/{}/reactions/x", id)).status, 200);
  EXPECT_EQ(boost::json::serialize(history("anna").at("messages").at(0).at("reactions")),
            R"([{"emoji":"👍","count":2,"reacted":true},{"emoji":"x","count":1,"reacted":false}])");
  EXPECT_EQ(send("anna", "DELETE " + path).status, 200);
  EXPECT_EQ(send("anna", "DELETE " + path).status, 200);
  const auto told = events();
  ASSERT_EQ(told.size(), 5U);
  EXPECT_THAT(told[1], testing::HasSubstr(R"("type":"reaction_added")"));
  EXPECT_THAT(told[1], testing::HasSubstr(R"("emoji":"👍","user":{)"));
  EXPECT_THAT(told[4], testing::HasSubstr(R"("type":"reaction_removed")"));
}

TEST_F(ChangesTest, a_reaction_is_short_and_a_message_has_so_many) {
  const auto id = say_text("ben", "hello");
  const auto react = [&](std::string_view emoji) {
    return send("anna", fmt::format("PUT /api/v1/messages/{}/reactions/{}", id, emoji));
  };
  EXPECT_EQ(react("a b").status, 422);
  EXPECT_EQ(react(std::string(17, 'x')).status, 422);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(react(fmt::format("e{}", i)).status, 200);
  EXPECT_EQ(code_of(react("one-more")), "too_many_reactions");
  EXPECT_EQ(react("e1").status, 200);
  EXPECT_EQ(send("zoe", fmt::format("PUT /api/v1/messages/{}/reactions/x", id)).status, 404);
}

TEST_F(ChangesTest, the_frames_do_the_same) {
  const auto id = say_text("ben", "hello");
  const auto say_frame = [&](std::string_view who, std::string_view rest) {
    return frame(who, fmt::format(R"({{{},"id":{}}})", rest, id), "");
  };
  EXPECT_EQ(say_frame("ben", R"("type":"edit","body":"hi")"), "ok");
  EXPECT_EQ(say_frame("carla", R"("type":"edit","body":"hi")"), "forbidden");
  EXPECT_EQ(say_frame("zoe", R"("type":"edit","body":"hi")"), "not_found");
  EXPECT_EQ(say_frame("ben", R"("type":"edit","body":"")"), "invalid_field");
  EXPECT_EQ(say_frame("carla", R"("type":"react","emoji":"👍")"), "ok");
  EXPECT_EQ(say_frame("carla", R"("type":"react","emoji":"👍","remove":true)"), "ok");
  EXPECT_EQ(say_frame("carla", R"("type":"react","emoji":"a b")"), "invalid_field");
  EXPECT_EQ(say_frame("carla", R"("type":"react")"), "missing_field");
  EXPECT_EQ(say_frame("carla", R"("type":"delete")"), "forbidden");
  EXPECT_EQ(say_frame("ben", R"("type":"delete")"), "ok");
  EXPECT_EQ(say_frame("ben", R"("type":"edit","body":"again")"), "conflict");
  EXPECT_EQ(events().size(), 5U);
}

TEST_F(ChangesTest, changes_by_socket_count_as_changes_by_http_do) {
  const auto id = say_text("ben", "hello");
  limits_.writes = 1;
  EXPECT_EQ(edit("carla", id, "x").status, 403) << "by HTTP: the one of this minute";
  EXPECT_EQ(frame("carla", fmt::format(R"({{"type":"react","id":{},"emoji":"x"}})", id), ""),
            "rate_limited");
}

}  // namespace
}  // namespace indaba::chat
