#include "auth/sessions.hpp"

#include "auth/test_auth_world.hpp"

namespace indaba::auth {
namespace {

class SessionsTest : public AuthWorld {
 protected:
  struct Turned {
    Rotated::Outcome outcome;
    std::string next;
  };
  Turned turn(const std::string& token) {
    const auto parsed = parse_refresh_token(token);
    if (!parsed) return {Rotated::Outcome::unknown, {}};
    const auto next = next_refresh_token(token, random_);
    const auto rotated =
        write([&](db::WriteTx& tx) {
          return rotate_refresh(tx, *parsed, next, kRefreshLifetime, clock_.wall());
        }).value();
    return {rotated.value.outcome, next.token};
  }
};

TEST_F(SessionsTest, a_refresh_token_is_good_once) {
  const auto anna = make_user("anna");
  const auto first = sign_in(anna.id).secret;
  const auto second = turn(first);
  EXPECT_EQ(second.outcome, Rotated::Outcome::rotated);
  const auto third = turn(second.next);
  EXPECT_EQ(third.outcome, Rotated::Outcome::rotated);
}

TEST_F(SessionsTest, a_refresh_token_that_is_spent_twice_ends_its_family) {
  const auto anna = make_user("anna");
  const auto first = sign_in(anna.id);
  const auto second = turn(first.secret);
  EXPECT_EQ(turn(first.secret).outcome, Rotated::Outcome::reused);
  EXPECT_EQ(turn(second.next).outcome, Rotated::Outcome::unknown)
      << "the thief's or the owner's: both are out";
  const auto row = db::read_blocking(
      *database_, [&](db::Session& session) { return find_session(session, first.session); });
  EXPECT_FALSE(row.value());
}

TEST_F(SessionsTest, a_refresh_token_ends_two_weeks_after_it_was_last_used) {
  const auto anna = make_user("anna");
  auto token = sign_in(anna.id).secret;
  for (int week = 0; week < 5; ++week) {
    clock_.advance(std::chrono::hours(24 * 7));
    const auto next = turn(token);
    ASSERT_EQ(next.outcome, Rotated::Outcome::rotated);
    token = next.next;
  }
  clock_.advance(std::chrono::hours(24 * 14));
  EXPECT_EQ(turn(token).outcome, Rotated::Outcome::unknown);
}

TEST_F(SessionsTest, nonsense_is_no_refresh_token) {
  for (const std::string& token :
       {std::string(), std::string("ir_"), std::string("ir_abc"), std::string("ic_abc.def"),
        std::string("a.b"), "ir_" + std::string(300, 'x') + ".y"})
    EXPECT_EQ(turn(token).outcome, Rotated::Outcome::unknown) << token;
  EXPECT_EQ(turn("ir_abc.def").outcome, Rotated::Outcome::unknown);
}

TEST_F(SessionsTest, no_secret_stands_in_the_database) {
  const auto anna = make_user("anna");
  const auto tokens = sign_in(anna.id);
  const auto cookie = sign_in(anna.id, SessionKind::cookie);
  const auto rows = db::read_blocking(*database_, [&](db::Session& session) {
    return session.all<std::string>(
        "SELECT secret_hash || ' ' || coalesce(refresh_hash, '') FROM sessions",
        [](const db::Row& r) { return r.string(0); });
  });
  const auto turn_part = tokens.secret.substr(tokens.secret.find('.') + 1);
  for (const auto& row : rows.value()) {
    EXPECT_EQ(row.find(turn_part), std::string::npos);
    EXPECT_EQ(row.find(cookie.secret), std::string::npos);
    EXPECT_EQ(row.find(tokens.secret.substr(0, tokens.secret.find('.'))), std::string::npos);
  }
}

TEST_F(SessionsTest, a_user_has_a_hundred_sessions_and_the_stalest_give_way) {
  const auto anna = make_user("anna");
  const auto oldest = sign_in(anna.id);
  for (int i = 0; i < kMaxSessionsPerUser - 1; ++i) {
    clock_.advance(std::chrono::seconds(1));
    sign_in(anna.id);
  }
  clock_.advance(std::chrono::seconds(1));
  const auto session = new_session(SessionKind::tokens, random_, {}, kRefreshLifetime);
  const auto started =
      write([&](db::WriteTx& tx) { return start_session(tx, anna.id, session, clock_.wall()); })
          .value()
          .value;
  EXPECT_EQ(started.ended, std::vector<SessionId>{oldest.session});
  const auto rows = db::read_blocking(*database_, [&](db::Session& s) {
                      return list_sessions(s, anna.id, clock_.wall());
                    }).value();
  EXPECT_EQ(static_cast<std::int64_t>(rows.size()), kMaxSessionsPerUser);
}

TEST_F(SessionsTest, one_user_cannot_end_the_session_of_another) {
  const auto anna = make_user("anna");
  const auto ben = make_user("ben");
  const auto session = sign_in(anna.id).session;
  EXPECT_FALSE(
      write([&](db::WriteTx& tx) { return end_session(tx, ben.id, session); }).value().value);
  EXPECT_TRUE(
      write([&](db::WriteTx& tx) { return end_session(tx, anna.id, session); }).value().value);
}

TEST_F(SessionsTest, what_is_over_is_purged_and_told) {
  const auto anna = make_user("anna");
  const auto session = sign_in(anna.id).session;
  const auto purge = [&](db::WriteTx& tx) { return purge_sessions(tx, clock_.wall(), 10); };
  EXPECT_TRUE(write(purge).value().value.empty());
  clock_.advance(kRefreshLifetime);
  const auto gone = write(purge).value().value;
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].id, session);
  EXPECT_EQ(gone[0].user, anna.id);
}

TEST_F(SessionsTest, a_name_is_taken_in_every_spelling) {
  make_user("Anna");
  NewUser again;
  again.username = "anna";
  const auto second =
      write([&](db::WriteTx& tx) { return create_user(tx, again, clock_, random_); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "username_taken");
}

}  // namespace
}  // namespace indaba::auth
