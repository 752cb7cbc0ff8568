#include "feature/orgs/test_world.hpp"

namespace indaba::orgs {
namespace {

class OrgsTest : public OrgsWorld {
 protected:
  OrgsTest() {
    changes_.listen([this](const api::AccessChange& change) {
      if (const auto* key = std::get_if<api::ApiKeyRevoked>(&change))
        identities_.api_key_ended(key->key);
    });
    start();
    user("anna");
    user("ben");
    user("carla");
    user("zoe");
  }
  Answered set_role(const std::string& who, const std::string& whom, std::string_view role) {
    return call(who, "PATCH " + member_path("acme", whom), fmt::format(R"({{"role":"{}"}})", role));
  }
  Answered remove(const std::string& who, const std::string& whom) {
    return call(who, "DELETE " + member_path("acme", whom));
  }
};

TEST_F(OrgsTest, whoever_makes_an_organisation_owns_it) {
  const auto made = call("anna", "POST /orgs", R"({"slug":"acme","name":"Acme Inc."})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.text("/slug"), "acme");
  EXPECT_EQ(made.text("/name"), "Acme Inc.");
  EXPECT_EQ(made.text("/role"), "owner");
  const auto shown = call("anna", "GET /orgs/acme");
  EXPECT_EQ(shown.body, made.body);
  EXPECT_EQ(call("anna", "GET /orgs").body.at_pointer("/results/0"), made.body);
  EXPECT_EQ(call("", "POST /orgs", R"({"slug":"x"})").status, 401);
}

TEST_F(OrgsTest, a_slug_is_well_formed_and_taken_once) {
  org("acme", "anna");
  EXPECT_EQ(call("ben", "POST /orgs", R"({"slug":"acme"})").code(), "slug_taken");
  for (std::string_view slug : {"", "Acme", "a b", "-a", "a/b", "../x"})
    EXPECT_EQ(call("ben", "POST /orgs", fmt::format(R"({{"slug":"{}"}})", slug)).status, 422)
        << slug;
  EXPECT_EQ(call("ben", "POST /orgs", R"({"slug":"b","owner_id":1})").status, 422)
      << "nothing can be smuggled in";
}

TEST_F(OrgsTest, an_organisation_does_not_exist_for_strangers) {
  org("acme", "anna");
  const auto hidden = call("zoe", "GET /orgs/acme");
  const auto missing = call("zoe", "GET /orgs/nowhere");
  EXPECT_EQ(hidden.status, 404);
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(hidden.text("/detail"), missing.text("/detail"));
  EXPECT_EQ(call("", "GET /orgs/acme").status, 401) << "401 comes before 404";
  for (std::string_view line : {"PATCH /orgs/acme", "DELETE /orgs/acme", "GET /orgs/acme/members",
                                "POST /orgs/acme/members", "POST /orgs/acme/invites",
                                "GET /orgs/acme/api-keys", "POST /orgs/acme/api-keys"})
    EXPECT_EQ(call("zoe", line, "{}").status, 404) << line;
}

TEST_F(OrgsTest, a_rename_moves_the_address_and_not_the_organisation) {
  org("acme", "anna");
  const auto id = call("anna", "GET /orgs/acme").number("/id");
  ASSERT_EQ(call("anna", "PATCH /orgs/acme", R"({"slug":"apex","name":"Apex"})").status, 200);
  EXPECT_EQ(call("anna", "GET /orgs/acme").status, 404);
  EXPECT_EQ(call("anna", "GET /orgs/apex").number("/id"), id);
}

TEST_F(OrgsTest, a_member_is_added_and_everyone_is_told) {
  org("acme", "anna");
  const auto added =
      call("anna", "POST /orgs/acme/members", R"({"username":"Ben","role":"moderator"})");
  ASSERT_EQ(added.status, 201);
  EXPECT_EQ(added.text("/username"), "ben");
  EXPECT_EQ(added.text("/role"), "moderator");
  EXPECT_EQ(call("ben", "GET /orgs/acme").text("/role"), "moderator");
  const auto told = org_events("acme");
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0],
            fmt::format(R"(member_added ,"user":{{"id":{},"username":"ben"}},"role":"moderator",)"
                        R"("actor":{{"id":{},"username":"anna"}})",
                        ids_["ben"].value, ids_["anna"].value));
  ASSERT_EQ(me_events("ben").size(), 1U);
  EXPECT_NE(me_events("ben")[0].find(R"("org":{"id":)"), std::string::npos);
  EXPECT_EQ(call("anna", "POST /orgs/acme/members", R"({"username":"ben"})").code(),
            "already_member");
  EXPECT_EQ(call("anna", "POST /orgs/acme/members", R"({"username":"nobody"})").code(),
            "user_not_found");
  EXPECT_EQ(call("anna", "POST /orgs/acme/members", R"({"role":"member"})").status, 422);
  EXPECT_EQ(call("ben", "POST /orgs/acme/members", R"({"username":"zoe"})").status, 403);
}

TEST_F(OrgsTest, members_are_listed_by_pages) {
  org("acme", "anna");
  member("acme", "anna", "ben", "member");
  member("acme", "anna", "carla", "member");
  const auto first = call("ben", "GET /orgs/acme/members?limit=2");
  EXPECT_EQ(first.body.at("results").as_array().size(), 2U);
  const auto second =
      call("ben", "GET /orgs/acme/members?limit=2&cursor=" + first.text("/next_cursor"));
  EXPECT_EQ(second.body.at("results").as_array().size(), 1U);
  EXPECT_EQ(second.text("/results/0/username"), "carla");
  EXPECT_TRUE(second.body.at("next_cursor").is_null());
  EXPECT_EQ(call("ben", "GET /orgs/acme/members?limit=201").status, 422);
}

TEST_F(OrgsTest, a_cursor_of_another_list_is_refused_as_malformed) {
  org("acme", "anna");
  org("other", "anna");
  member("acme", "anna", "ben", "member");
  const auto orgs = call("anna", "GET /orgs?limit=1").text("/next_cursor");
  EXPECT_EQ(call("anna", "GET /orgs?limit=1&cursor=" + orgs).text("/results/0/slug"), "other");
  EXPECT_EQ(call("anna", "GET /orgs/acme/members?cursor=" + orgs).code(), "malformed");
  EXPECT_EQ(call("ben", "GET /orgs?cursor=" + orgs).code(), "malformed");
  EXPECT_EQ(call("anna", "GET /orgs?cursor=whatever").code(), "malformed");
}

TEST_F(OrgsTest, nobody_acts_on_an_equal_or_higher_role) {
  org("acme", "anna");
  member("acme", "anna", "ben", "admin");
  member("acme", "anna", "carla", "admin");
  member("acme", "anna", "zoe", "member");
  EXPECT_EQ(set_role("ben", "carla", "member").status, 403);
  EXPECT_EQ(remove("ben", "carla").status, 403);
  EXPECT_EQ(set_role("ben", "anna", "member").status, 403);
  EXPECT_EQ(set_role("ben", "zoe", "admin").status, 403) << "nor gives a role as high as the own";
  EXPECT_EQ(set_role("ben", "ben", "owner").status, 403) << "least of all to oneself";
  EXPECT_EQ(set_role("zoe", "zoe", "moderator").status, 403);
  EXPECT_EQ(set_role("zoe", "ben", "member").status, 403);
  EXPECT_EQ(set_role("ben", "zoe", "moderator").status, 200);
  EXPECT_EQ(set_role("anna", "carla", "owner").status, 200);
  EXPECT_EQ(set_role("anna", "carla", "member").status, 403) << "an owner does not act on an owner";
  EXPECT_EQ(set_role("carla", "carla", "member").status, 200) << "but on oneself";
}

TEST_F(OrgsTest, a_new_role_counts_at_once) {
  org("acme", "anna");
  member("acme", "anna", "ben", "member");
  EXPECT_EQ(call("ben", "POST /orgs/acme/invites", "{}").status, 403);
  ASSERT_EQ(set_role("anna", "ben", "admin").status, 200);
  EXPECT_EQ(call("ben", "POST /orgs/acme/invites", "{}").status, 201);
  EXPECT_NE(org_events("acme").back().find(R"(member_role_changed ,"user")"), std::string::npos);
  EXPECT_NE(org_events("acme").back().find(R"("role":"admin","from":"member")"), std::string::npos);
}

TEST_F(OrgsTest, the_last_owner_can_neither_leave_nor_be_demoted) {
  org("acme", "anna");
  member("acme", "anna", "ben", "admin");
  EXPECT_EQ(remove("anna", "anna").code(), "last_owner");
  EXPECT_EQ(set_role("anna", "anna", "admin").code(), "last_owner");
  EXPECT_EQ(remove("anna", "anna").status, 409);
  ASSERT_EQ(set_role("anna", "ben", "owner").status, 200);
  EXPECT_EQ(remove("anna", "anna").status, 204);
  EXPECT_EQ(remove("ben", "ben").code(), "last_owner");
}

TEST_F(OrgsTest, a_removed_member_is_out_at_once_and_it_is_told) {
  org("acme", "anna");
  member("acme", "anna", "ben", "member");
  ASSERT_EQ(call("ben", "GET /orgs/acme").status, 200);
  ASSERT_EQ(remove("anna", "ben").status, 204);
  EXPECT_EQ(call("ben", "GET /orgs/acme").status, 404);
  EXPECT_EQ(times_told<api::MembershipEnded>(), 1U);
  EXPECT_TRUE(org_events("acme").back().starts_with("member_removed"));
  EXPECT_TRUE(me_events("ben").back().starts_with("member_removed"));
  EXPECT_EQ(remove("anna", "ben").status, 404);
  EXPECT_EQ(remove("anna", "zoe").status, 404);
}

TEST_F(OrgsTest, members_may_leave) {
  org("acme", "anna");
  member("acme", "anna", "ben", "member");
  EXPECT_EQ(remove("ben", "ben").status, 204);
  EXPECT_EQ(call("ben", "GET /orgs/acme").status, 404);
}

TEST_F(OrgsTest, an_invitation_lets_in_as_many_as_it_says_until_it_is_over) {
  org("acme", "anna");
  const auto invite =
      call("anna", "POST /orgs/acme/invites", R"({"max_uses":2,"expires_in":3600})");
  ASSERT_EQ(invite.status, 201);
  const std::string code = invite.text("/code");
  EXPECT_EQ(invite.text("/url"), "https://indaba.example/invite/" + code);
  EXPECT_EQ(invite.number("/max_uses"), 2);
  const auto accept = [&](std::string_view who) {
    return call(who, "POST /invites/" + code + "/accept");
  };
  EXPECT_EQ(accept("").status, 401);
  const auto joined = accept("ben");
  EXPECT_EQ(joined.status, 200);
  EXPECT_EQ(joined.text("/role"), "member");
  EXPECT_EQ(accept("ben").status, 200) << "again is no second use";
  EXPECT_EQ(accept("carla").status, 200);
  EXPECT_EQ(accept("zoe").code(), "invite_not_found") << "used up";
  const auto second = call("anna", "POST /orgs/acme/invites", R"({"expires_in":60})").text("/code");
  clock_.advance(std::chrono::seconds(61));
  EXPECT_EQ(call("zoe", "POST /invites/" + second + "/accept").status, 404);
  EXPECT_EQ(call("zoe", "POST /invites/nonsense/accept").status, 404);
  EXPECT_EQ(call("ben", "POST /orgs/acme/invites", "{}").status, 403);
}

TEST_F(OrgsTest, an_api_key_is_shown_once_and_belongs_to_one_organisation) {
  org("acme", "anna");
  org("other", "zoe");
  const auto made =
      call("anna", "POST /orgs/acme/api-keys", R"({"name":"backend","scopes":["read"]})");
  ASSERT_EQ(made.status, 201);
  tokens_["key"] = made.text("/key");
  EXPECT_TRUE(tokens_["key"].starts_with("ik_"));
  const auto listed = call("anna", "GET /orgs/acme/api-keys");
  EXPECT_EQ(listed.text("/results/0/name"), "backend");
  EXPECT_FALSE(listed.body.at_pointer("/results/0").as_object().contains("key"));
  EXPECT_EQ(call("key", "GET /orgs/acme").status, 200);
  EXPECT_EQ(call("key", "GET /orgs/other").status, 404);
  EXPECT_EQ(call("key", "POST /orgs/acme/invites", "{}").status, 403)
      << "no scope reaches that far";
  EXPECT_EQ(call("key", "GET /orgs").status, 403);
  const auto id = made.number("/id");
  EXPECT_EQ(call("zoe", fmt::format("DELETE /orgs/other/api-keys/{}", id)).status, 404)
      << "of another organisation";
  EXPECT_EQ(call("key", "GET /orgs/acme").status, 200);
  EXPECT_EQ(call("anna", fmt::format("DELETE /orgs/acme/api-keys/{}", id)).status, 204);
  EXPECT_EQ(call("key", "GET /orgs/acme").status, 401);
  EXPECT_EQ(times_told<api::ApiKeyRevoked>(), 1U);
  EXPECT_EQ(
      call("anna", "POST /orgs/acme/api-keys", R"({"name":"x","scopes":["everything"]})").status,
      422);
  EXPECT_EQ(call("anna", "POST /orgs/acme/api-keys", R"({"name":"x","scopes":[]})").status, 422);
}

TEST_F(OrgsTest, a_deleted_organisation_takes_everything_with_it) {
  org("acme", "anna");
  member("acme", "anna", "ben", "admin");
  tokens_["key"] =
      call("anna", "POST /orgs/acme/api-keys", R"({"name":"k","scopes":["read"]})").text("/key");
  EXPECT_EQ(call("key", "GET /orgs/acme").status, 200);
  EXPECT_EQ(call("ben", "DELETE /orgs/acme").status, 403);
  ASSERT_EQ(call("anna", "DELETE /orgs/acme").status, 204);
  EXPECT_EQ(call("anna", "GET /orgs/acme").status, 404);
  EXPECT_EQ(call("key", "GET /orgs/acme").status, 401);
  EXPECT_EQ(times_told<api::OrgDeleted>(), 1U);
  const auto left = db::read_blocking(*database_, [&](db::Session& session) {
    return session.first<std::int64_t>(
        "SELECT (SELECT count(*) FROM org_members) + (SELECT count(*) FROM api_keys) + "
        "(SELECT count(*) FROM streams WHERE kind = 'notifications')",
        [](const db::Row& r) { return r.int64(0); });
  });
  EXPECT_EQ(left.value(), 0);
  org("acme", "zoe");
  EXPECT_EQ(call("anna", "GET /orgs/acme").status, 404) << "the old members are not the new ones";
}

TEST_F(OrgsTest, a_superuser_who_is_no_member_is_told_nothing) {
  user("root", true);
  org("acme", "anna");
  EXPECT_EQ(call("root", "GET /orgs/acme").status, 404);
  EXPECT_EQ(set_role("root", "anna", "member").status, 404);
  member("acme", "anna", "root", "member");
  EXPECT_EQ(call("root", "GET /orgs/acme").text("/role"), "member");
}

TEST_F(OrgsTest, the_same_idempotency_key_makes_one_organisation) {
  const auto create = [&] {
    auto request = make("POST /orgs", R"({"slug":"acme"})");
    request.headers.add("authorization", "Bearer " + tokens_["anna"]);
    request.headers.add("idempotency-key", "k-1");
    return send(std::move(request));
  };
  const auto first = create();
  const auto second = create();
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(second.status, 201);
  EXPECT_EQ(first.body, second.body);
}

TEST_F(OrgsTest, the_face_looks_up_by_organisation_alone) {
  org("acme", "anna");
  org("other", "zoe");
  member("acme", "anna", "ben", "member");
  const auto read = [&](auto query) { return db::read_blocking(*database_, query).value(); };
  const auto acme = read([&](db::Session& s) { return find_org(s, "acme"); }).value();
  const auto other = read([&](db::Session& s) { return find_org(s, "other"); }).value();
  EXPECT_EQ(read([&](db::Session& s) { return list_member_ids(s, acme.id); }),
            (std::vector<UserId>{ids_["anna"], ids_["ben"]}));
  EXPECT_TRUE(read([&](db::Session& s) { return find_member(s, acme.id, ids_["ben"]); }));
  EXPECT_FALSE(read([&](db::Session& s) { return find_member(s, other.id, ids_["ben"]); }));
  EXPECT_FALSE(read([&](db::Session& s) { return find_role(s, other.id, ids_["anna"]); }));
  EXPECT_TRUE(read([&](db::Session& s) { return share_an_org(s, ids_["anna"], ids_["ben"]); }));
  EXPECT_FALSE(read([&](db::Session& s) { return share_an_org(s, ids_["anna"], ids_["zoe"]); }));
}

class SuperuserOrgsTest : public OrgsWorld {
 protected:
  SuperuserOrgsTest() : OrgsWorld(Orgs::Settings{true, ""}) { start(); }
};

TEST_F(SuperuserOrgsTest, only_superusers_make_organisations_where_the_operator_says_so) {
  user("anna");
  user("root", true);
  EXPECT_EQ(call("anna", "POST /orgs", R"({"slug":"acme"})").status, 403);
  EXPECT_EQ(call("root", "POST /orgs", R"({"slug":"acme"})").status, 201);
}

}  // namespace
}  // namespace indaba::orgs
