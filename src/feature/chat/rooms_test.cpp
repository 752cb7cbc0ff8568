#include "feature/chat/test_chat.hpp"

namespace indaba::chat {
namespace {

using RoomsTest = ChatFixture;

std::vector<std::string> slugs(const boost::json::object& list) {
  std::vector<std::string> out;
  for (const auto& room : list.at("results").as_array())
    out.emplace_back(room.at("slug").as_string());
  return out;
}

TEST_F(RoomsTest, a_room_is_made_found_and_changed_by_moderators) {
  const auto made = send("mia", "POST /api/v1/orgs/acme/rooms", R"({"slug":"news","name":"News"})");
  EXPECT_EQ(made.status, 201);
  const auto room = json_of(made);
  EXPECT_EQ(room.at("name"), "News");
  EXPECT_EQ(room.at("kind"), "chat");
  EXPECT_EQ(room.at("private"), false);
  EXPECT_EQ(json_of(send("ben", "GET /api/v1/orgs/acme/rooms/news")).at("id"), room.at("id"));
  const auto changed =
      send("mia", "PATCH /api/v1/orgs/acme/rooms/news", R"({"slug":"papers","name":"Papers"})");
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(send("ben", "GET /api/v1/orgs/acme/rooms/news").status, 404);
  EXPECT_EQ(json_of(send("ben", "GET /api/v1/orgs/acme/rooms/papers")).at("name"), "Papers");
}

TEST_F(RoomsTest, members_make_no_rooms_and_delete_none) {
  EXPECT_EQ(send("ben", "POST /api/v1/orgs/acme/rooms", R"({"slug":"mine"})").status, 403);
  EXPECT_EQ(send("ben", "PATCH /api/v1/orgs/acme/rooms/general", "{}").status, 403);
  EXPECT_EQ(send("mia", "DELETE /api/v1/orgs/acme/rooms/general").status, 403);
  EXPECT_EQ(send("zoe", "GET /api/v1/orgs/acme/rooms").status, 404);
  EXPECT_EQ(send("", "GET /api/v1/orgs/acme/rooms").status, 401);
}

TEST_F(RoomsTest, a_slug_is_one_rooms_alone) {
  const auto again = send("anna", "POST /api/v1/orgs/acme/rooms", R"({"slug":"general"})");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(code_of(again), "slug_taken");
  make_room("other");
  EXPECT_EQ(code_of(send("anna", "PATCH /api/v1/orgs/acme/rooms/other", R"({"slug":"general"})")),
            "slug_taken");
  EXPECT_EQ(send("zoe", "POST /api/v1/orgs/other/rooms", R"({"slug":"general"})").status, 201);
}

TEST_F(RoomsTest, a_private_room_is_there_for_its_members_and_admins_alone) {
  make_room("secret", true, "mia");
  EXPECT_EQ(send("mia", "GET /api/v1/orgs/acme/rooms/secret").status, 200);
  EXPECT_EQ(send("anna", "GET /api/v1/orgs/acme/rooms/secret").status, 200);
  const auto guessed = send("ben", "GET /api/v1/orgs/acme/rooms/secret");
  const auto missing = send("ben", "GET /api/v1/orgs/acme/rooms/missing");
  EXPECT_EQ(guessed.status, 404);
  EXPECT_EQ(json_of(guessed).at("detail"), json_of(missing).at("detail"));
  EXPECT_EQ(say("ben", R"({"body":"hi"})", "secret").status, 404);
  EXPECT_EQ(frame("ben", R"({"type":"message","body":"hi"})", "orgs/acme/rooms/secret"),
            "not_found");
  EXPECT_FALSE(resolve("ben", "orgs/acme/rooms/secret"));
  EXPECT_THAT(slugs(json_of(send("ben", "GET /api/v1/orgs/acme/rooms"))),
              testing::ElementsAre("general"));
  EXPECT_EQ(let_in("ben", "secret", "mia").status, 201);
  EXPECT_EQ(say("ben", R"({"body":"hi"})", "secret").status, 201);
  EXPECT_TRUE(resolve("ben", "orgs/acme/rooms/secret"));
  EXPECT_THAT(slugs(json_of(send("ben", "GET /api/v1/orgs/acme/rooms"))),
              testing::ElementsAre("general", "secret"));
}

TEST_F(RoomsTest, who_is_taken_out_of_a_private_room_reads_it_no_more) {
  make_room("secret", true, "mia");
  let_in("ben", "secret", "mia");
  const auto stream = resolve("ben", "orgs/acme/rooms/secret")->id;
  EXPECT_EQ(put_out("ben", "secret", "carla").status, 404);
  EXPECT_EQ(put_out("ben", "secret", "mia").status, 204);
  EXPECT_THAT(shut_out_, testing::ElementsAre(std::pair(stream, user("ben"))));
  EXPECT_FALSE(resolve("ben", "orgs/acme/rooms/secret"));
  EXPECT_EQ(put_out("ben", "secret", "mia").status, 404);
  EXPECT_THAT(events("secret").back(), testing::HasSubstr(R"("type":"member_removed")"));
}

TEST_F(RoomsTest, a_member_leaves_a_private_room_and_takes_out_nobody_else) {
  make_room("secret", true);
  let_in("ben", "secret");
  let_in("carla", "secret");
  EXPECT_EQ(put_out("carla", "secret", "ben").status, 403);
  EXPECT_EQ(let_in("mia", "secret", "ben").status, 403);
  EXPECT_EQ(put_out("ben", "secret", "ben").status, 204);
  const auto members = json_of(send("carla", "GET /api/v1/orgs/acme/rooms/secret/members"));
  EXPECT_EQ(members.at("results").as_array().size(), 2U);
  EXPECT_EQ(put_out("anna", "secret", "anna").status, 204);
  EXPECT_EQ(shut_out_.size(), 1U) << "an owner reads on";
}

TEST_F(RoomsTest, who_leaves_the_organisation_leaves_its_private_rooms) {
  make_room("secret", true);
  let_in("ben", "secret");
  auto leave = [this](db::WriteTx& tx) { return orgs::leave_all(tx, {user("ben"), "ben"}); };
  ASSERT_TRUE(db::write_blocking(*database_, db::Shard(), leave));
  const auto members = json_of(send("anna", "GET /api/v1/orgs/acme/rooms/secret/members"));
  EXPECT_EQ(members.at("results").as_array().size(), 1U);
}

TEST_F(RoomsTest, only_private_rooms_have_members_of_their_own) {
  EXPECT_EQ(code_of(send("ben", "GET /api/v1/orgs/acme/rooms/general/members")), "room_is_public");
  EXPECT_EQ(code_of(let_in("ben", "general")), "room_is_public");
  make_room("secret", true);
  EXPECT_EQ(let_in("zoe", "secret").status, 422) << "no member of the organisation";
  EXPECT_EQ(let_in("ben", "secret").status, 201);
  EXPECT_EQ(code_of(let_in("ben", "secret")), "already_member");
}

TEST_F(RoomsTest, a_room_that_becomes_private_is_looked_at_again_and_keeps_who_did_it) {
  const auto stream = resolve("ben", "orgs/acme/rooms/general")->id;
  EXPECT_EQ(send("mia", "PATCH /api/v1/orgs/acme/rooms/general", R"({"private":true})").status,
            200);
  EXPECT_THAT(closed_, testing::ElementsAre(stream));
  EXPECT_FALSE(resolve("ben", "orgs/acme/rooms/general"));
  EXPECT_TRUE(resolve("mia", "orgs/acme/rooms/general"));
  EXPECT_EQ(send("mia", "PATCH /api/v1/orgs/acme/rooms/general", R"({"private":false})").status,
            200);
  EXPECT_EQ(closed_.size(), 1U);
  EXPECT_TRUE(resolve("ben", "orgs/acme/rooms/general"));
}

TEST_F(RoomsTest, a_room_has_two_names_for_one_stream) {
  const auto id = make_room("news");
  const auto named = resolve("ben", "orgs/acme/rooms/news");
  const auto numbered = resolve("ben", fmt::format("channels/{}", id));
  EXPECT_EQ(named->id, numbered->id);
  EXPECT_EQ(numbered->org_slug, "acme");
  EXPECT_EQ(numbered->name, fmt::format("channels/{}", id));
  EXPECT_FALSE(resolve("zoe", fmt::format("channels/{}", id)));
  EXPECT_FALSE(resolve("", fmt::format("channels/{}", id)));
  for (const auto* wrong : {"channels/0", "channels/x", "channels/999", "orgs/none/rooms/news"})
    EXPECT_FALSE(resolve("ben", wrong)) << wrong;
}

TEST_F(RoomsTest, an_api_key_reads_rooms_with_its_scope) {
  EXPECT_EQ(send("key", "GET /api/v1/orgs/acme/rooms").status, 403);
  EXPECT_FALSE(resolve("key", "orgs/acme/rooms/general"));
  authenticator_.known["key"].scopes = {"read"};
  EXPECT_EQ(send("key", "GET /api/v1/orgs/acme/rooms").status, 200);
  EXPECT_TRUE(resolve("key", "orgs/acme/rooms/general"));
  EXPECT_EQ(say("key", R"({"body":"hi"})").status, 403) << "messages are written by people";
  EXPECT_EQ(frame("key", R"({"type":"message","body":"hi"})"), "forbidden");
}

TEST_F(RoomsTest, a_deleted_room_is_gone_at_once_and_emptied_later) {
  for (int i = 0; i < 3; ++i) say_text("ben", "hello");
  const auto stream = resolve("ben", "orgs/acme/rooms/general")->id;
  EXPECT_EQ(send("anna", "DELETE /api/v1/orgs/acme/rooms/general").status, 204);
  EXPECT_THAT(closed_, testing::ElementsAre(stream));
  EXPECT_EQ(send("anna", "GET /api/v1/orgs/acme/rooms/general").status, 404);
  EXPECT_FALSE(resolve("anna", "orgs/acme/rooms/general"));
  make_room("general");
  EXPECT_EQ(bodies(history("ben")).size(), 0U);
  EXPECT_EQ(*db::run_on(executor_, service_.purge()), 1);
  EXPECT_EQ(*db::run_on(executor_, service_.purge()), 0);
  auto left = [stream](db::Session& session) {
    return session.first<std::int64_t>(
        "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM events WHERE stream_id = "
        "$1)"
        " + (SELECT count(*) FROM streams WHERE id = $1)",
        [](const db::Row& row) { return row.int64(0); }, stream);
  };
  EXPECT_EQ(**db::read_blocking(*database_, left), 0);
}

TEST_F(RoomsTest, a_list_of_rooms_goes_on_where_it_was_cut) {
  for (int i = 0; i < 4; ++i) make_room(fmt::format("r{}", i));
  const auto first = json_of(send("ben", "GET /api/v1/orgs/acme/rooms?limit=3"));
  EXPECT_THAT(slugs(first), testing::ElementsAre("general", "r0", "r1"));
  const auto second =
      json_of(send("ben", fmt::format("GET /api/v1/orgs/acme/rooms?limit=3&cursor={}",
                                      std::string_view(first.at("next_cursor").as_string()))));
  EXPECT_THAT(slugs(second), testing::ElementsAre("r2", "r3"));
  EXPECT_TRUE(second.at("next_cursor").is_null());
}

TEST_F(RoomsTest, a_wrong_room_names_the_field) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{}", "slug"},
      {R"({"slug":"No Slug"})", "slug"},
      {R"({"slug":"a","kind":"party"})", "kind"},
      {R"({"slug":"a","private":"yes"})", "private"},
      {R"({"slug":"a","name":""})", "name"},
      {R"({"slug":"a","colour":1})", "colour"}};
  for (const auto& [body, field] : cases)
    EXPECT_EQ(json_of(send("anna", "POST /api/v1/orgs/acme/rooms", body))
                  .at("errors")
                  .at(0)
                  .at("field")
                  .as_string(),
              field)
        << body;
}

}  // namespace
}  // namespace indaba::chat
