#include "presence/source.hpp"

#include "feature/chat/test_chat.hpp"

namespace indaba::presence {
namespace {

// anna owns acme, where ben, mia and carla are members; zoe owns other.
class SqlPresenceTest : public chat::ChatFixture, public testing::WithParamInterface<db::Backend> {
 protected:
  SqlPresenceTest() : ChatFixture(Start::now, GetParam()) {}
  template <class T>
  T await(Task<Result<T>> task) {
    return db::run_on(executor_, std::move(task)).value();
  }
  StreamId stream(std::string_view who, const std::string& name) {
    return resolve(who, name).value().id;
  }
  Audience audience(StreamId stream) { return await(source_.audiences({stream})).at(0); }
  void execute(std::string_view sql, auto... args) {
    auto change = [=](db::WriteTx& tx) { return tx.sql().execute(sql, args...); };
    ASSERT_TRUE(db::write_blocking(*database_, db::Shard(), change));
  }
  std::vector<LastSeen> seen_in(OrgId org, std::size_t limit = 10) {
    std::vector<LastSeen> out;
    for (const auto& person : await(source_.seen_in(org, limit)))
      out.push_back({person.id, person.last_seen});
    return out;
  }
  void save(std::vector<LastSeen> seen) {
    ASSERT_TRUE(db::run_on(executor_, source_.save(std::move(seen))));
  }

  SqlSource source_{*database_};
};

INSTANTIATE_TEST_SUITE_P(
    Each, SqlPresenceTest,
    testing::ValuesIn(db::present({db::Backend::sqlite, db::Backend::postgres})), db::backend_name);

TEST_P(SqlPresenceTest, places_people_in_their_organisations) {
  const auto placed = await(source_.place({user("ben"), UserId(9'999), user("zoe")}));
  ASSERT_EQ(placed.size(), 2U);
  EXPECT_EQ(placed[0].user, user("ben"));
  EXPECT_EQ(placed[0].username, "ben");
  EXPECT_EQ(placed[0].orgs, std::vector{acme_.org});
  EXPECT_EQ(placed[1].orgs.size(), 1U);
  EXPECT_NE(placed[1].orgs, placed[0].orgs);
  execute("UPDATE users SET active = 0 WHERE id = $1", user("ben"));
  EXPECT_TRUE(await(source_.place({user("ben")})).empty());
}

TEST_P(SqlPresenceTest, knows_whom_a_stream_tells_of) {
  const auto room = audience(stream("ben", "orgs/acme/rooms/general"));
  EXPECT_EQ(room.kind, Audience::Kind::org);
  EXPECT_EQ(room.org, acme_.org);
  EXPECT_EQ(room.members, 4);
  std::int64_t news = 0;
  auto query = [this](db::Session& session) { return orgs::find_org(session, acme_.org); };
  news = db::read_blocking(*database_, query).value()->notifications.value;
  EXPECT_EQ(audience(StreamId(news)).kind, Audience::Kind::org);
  EXPECT_EQ(audience(StreamId(news)).members, 4);

  make_room("hidden", true, "mia");
  EXPECT_EQ(let_in("ben", "hidden", "mia").status, 201);
  const auto id = stream("mia", "orgs/acme/rooms/hidden");
  EXPECT_EQ(stream("anna", "orgs/acme/rooms/hidden"), id) << "an owner may look into it";
  const auto hidden = audience(id);
  EXPECT_EQ(hidden.kind, Audience::Kind::listed);
  std::vector<UserId> both{user("ben"), user("mia")};
  std::ranges::sort(both);
  EXPECT_EQ(hidden.listed, both);
  EXPECT_EQ(hidden.members, 2);

  EXPECT_EQ(send("anna", "DELETE /api/v1/orgs/acme/rooms/hidden").status, 204);
  EXPECT_EQ(audience(id).kind, Audience::Kind::none);
  EXPECT_EQ(audience(StreamId(9'999)).kind, Audience::Kind::none);
  execute("UPDATE streams SET kind = 'topic' WHERE id = $1", news);
  EXPECT_EQ(audience(StreamId(news)).kind, Audience::Kind::none);
}

TEST_P(SqlPresenceTest, leaves_out_pairs_of_whom_one_has_blocked_the_other) {
  execute("INSERT INTO user_blocks (user_id, blocked_id, created_at) VALUES ($1, $2, 1)",
          user("ben"), user("anna"));
  const UserPair free{user("anna"), user("carla")};
  EXPECT_EQ(
      await(source_.unblocked({{user("anna"), user("ben")}, free, {user("ben"), user("anna")}})),
      std::vector{free});
  EXPECT_EQ(await(source_.blocked_around(user("anna"))), std::vector{user("ben")});
  EXPECT_TRUE(await(source_.blocked_around(user("carla"))).empty());
  EXPECT_TRUE(await(source_.blocked_around(UserId())).empty()) << "an API key";
}

TEST_P(SqlPresenceTest, keeps_when_people_were_last_seen_and_never_goes_back) {
  const auto at = [](int n) { return from_millis(1'000 + n); };
  save({{user("ben"), at(5)}, {user("zoe"), at(9)}, {UserId(9'999), at(9)}, {user("mia"), at(7)}});
  save({{user("ben"), at(3)}});
  auto seen = seen_in(acme_.org);
  ASSERT_EQ(seen.size(), 2U) << "zoe is elsewhere";
  EXPECT_EQ(seen[0].user, user("mia"));
  EXPECT_EQ(seen[1].at, at(5));
  save({{user("ben"), at(8)}});
  EXPECT_EQ(seen_in(acme_.org, 1).at(0).user, user("ben"));
  execute("UPDATE users SET active = 0 WHERE id = $1", user("ben"));
  seen = seen_in(acme_.org);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].user, user("mia"));
}

}  // namespace
}  // namespace indaba::presence
