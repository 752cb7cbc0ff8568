#include "feature/account/service.hpp"
#include "feature/orgs/test_world.hpp"

namespace indaba::account {
namespace {

using orgs::Answered;

class CollectingMailer final : public Mailer {
 public:
  void send(Mail mail) override {
    const std::lock_guard lock(mutex_);
    mails_.push_back(std::move(mail));
    arrived_.notify_all();
  }
  Mail wait_for_one() {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, std::chrono::seconds(10), [this] { return !mails_.empty(); });
    Mail mail = std::move(mails_.at(0));
    mails_.clear();
    return mail;
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return mails_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Mail> mails_;
};

class AccountWorld : public orgs::OrgsWorld {
 protected:
  explicit AccountWorld(Accounts::Settings settings = {Registration::open, false,
                                                       "https://indaba.example"})
      : accounts_(std::move(settings),
                  {*database_, hasher_, mint_, identities_, changes_, limiter_, &mailer_, clock_,
                   random_},
                  {[this](api::Membership org, UserId user) { return count(std::move(org), user); },
                   [](UserId user) { return count_conversations(user); }}) {
    follow(changes_, identities_);
    accounts_.add_routes(endpoints_);
    start();
  }

  static Task<Result<UnreadCounts>> count(api::Membership org, UserId) {
    co_return UnreadCounts{{org.slug == "acme" ? 3 : 0, Seq(2), Seq(5)}, {}};
  }
  static Task<Result<std::vector<UnreadConversation>>> count_conversations(UserId) {
    co_return std::vector<UnreadConversation>();
  }
  static std::string password_body(std::string_view username, std::string_view password) {
    return fmt::format(R"({{"username":"{}","password":"{}"}})", username, password);
  }
  // From another address each time, so that only the limit of the account counts.
  Answered sign_in_as(std::string_view username, std::string_view password,
                      std::string_view route = "token") {
    auto request = make(fmt::format("POST /auth/{}", route), password_body(username, password));
    request.client_address = fmt::format("192.0.2.{}", ++address_);
    return send(std::move(request));
  }
  Answered with_token(std::string_view token, std::string_view line, std::string body = {}) {
    auto request = make(line, std::move(body));
    request.headers.add("authorization", fmt::format("Bearer {}", token));
    return send(std::move(request));
  }
  Answered with_cookie(std::string_view cookie, std::string_view line, std::string body = {},
                       std::string_view origin = "https://indaba.example") {
    auto request = make(line, std::move(body));
    request.headers.add("cookie", cookie);
    if (!origin.empty()) request.headers.add("origin", origin);
    return send(std::move(request));
  }
  static std::string cookie_of(const Answered& answered) {
    const std::string_view set = answered.headers.find("set-cookie").value_or("");
    return std::string(set.substr(0, set.find(';')));
  }
  Answered refresh(std::string_view token) {
    return call("", "POST /auth/token/refresh", fmt::format(R"({{"refresh":"{}"}})", token));
  }

  auth::PasswordHasher hasher_{{}, auth::kTestCost};
  CollectingMailer mailer_;
  Accounts accounts_;
  int address_ = 0;
};

class AccountTest : public AccountWorld {};

TEST_F(AccountTest, registers_and_signs_in) {
  const auto made = call(
      "", "POST /auth/register",
      R"({"username":"anna","password":"correct horse","display_name":"Anna A.","email":"anna@example.org"})");
  ASSERT_EQ(made.status, 201);
  EXPECT_EQ(made.text("/user/username"), "anna");
  EXPECT_EQ(made.text("/user/display_name"), "Anna A.");
  EXPECT_EQ(made.number("/access_expires_in"), 600);
  const auto me = with_token(made.text("/access"), "GET /me");
  EXPECT_EQ(me.status, 200);
  EXPECT_EQ(me.body, made.body.at("user"));
  const auto token = sign_in_as("ANNA", "correct horse");
  ASSERT_EQ(token.status, 200);
  EXPECT_EQ(with_token(token.text("/access"), "GET /me").text("/email"), "anna@example.org");
  EXPECT_TRUE(refresh(token.text("/refresh")).status == 200);
}

TEST_F(AccountTest, refuses_registrations_that_are_not_right) {
  const auto with = [&](std::string body) {
    auto request = make("POST /auth/register", std::move(body));
    request.client_address = fmt::format("192.0.2.{}", ++address_);
    return send(std::move(request));
  };
  ASSERT_EQ(with(password_body("anna", "correct horse")).status, 201);
  EXPECT_EQ(with(password_body("Anna", "correct horse")).code(), "username_taken");
  EXPECT_EQ(with(password_body("a b", "correct horse")).text("/errors/0/field"), "username");
  EXPECT_EQ(with(password_body("deleted~7", "correct horse")).status, 422);
  EXPECT_EQ(with(password_body("ben", "short")).text("/errors/0/field"), "password");
  EXPECT_EQ(with(password_body("ben", std::string(1'025, 'x'))).status, 422);
  EXPECT_EQ(with(R"({"username":"ben","password":"correct horse","superuser":true})").status, 422);
  EXPECT_EQ(with(R"({"username":"ben","password":"correct horse","email":"ben"})")
                .text("/errors/0/field"),
            "email");
  EXPECT_EQ(
      with(R"({"username":"ben","password":"correct horse","email":"b@x.org\r\nBcc: all@x.org"})")
          .status,
      422);
  EXPECT_EQ(with(R"({"username":"ben","password":"correct horse","locale":"english!"})").status,
            422);
  EXPECT_EQ(with(R"({"username":"ben","password":"correct horse","invite":"nonsense"})")
                .text("/errors/0/field"),
            "invite");
  EXPECT_EQ(with(password_body("ben", "correct horse")).status, 201)
      << "a refused one leaves nothing behind";
}

TEST_F(AccountTest, gives_the_same_answer_for_a_wrong_name_and_a_wrong_password) {
  user("anna");
  const auto wrong_password = sign_in_as("anna", "wrong horse!");
  const auto wrong_name = sign_in_as("nobody", "wrong horse!");
  EXPECT_EQ(wrong_password.status, 401);
  EXPECT_EQ(wrong_name.status, 401);
  EXPECT_EQ(wrong_password.code(), "invalid_credentials");
  EXPECT_EQ(wrong_password.text("/detail"), wrong_name.text("/detail"));
  EXPECT_EQ(sign_in_as("anna", std::string(1'025, 'x')).status, 422);
}

TEST_F(AccountTest, closes_the_door_after_five_failures_and_opens_it_again) {
  user("anna");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(sign_in_as("anna", "wrong horse!").status, 401) << i;
  const auto shut = sign_in_as("Anna", "correct horse");
  EXPECT_EQ(shut.status, 429);
  EXPECT_TRUE(shut.headers.find("retry-after"));
  EXPECT_EQ(sign_in_as("anna", "correct horse", "session").status, 429);
  clock_.advance(std::chrono::minutes(16));
  EXPECT_EQ(sign_in_as("anna", "correct horse").status, 200);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(sign_in_as("anna", "wrong horse!").status, 401) << i;
  EXPECT_EQ(sign_in_as("anna", "correct horse").status, 200) << "which forgets the failures";
  EXPECT_EQ(sign_in_as("anna", "wrong horse!").status, 401);
}

TEST_F(AccountTest, spends_a_refresh_token_once_and_ends_the_family_of_one_that_comes_again) {
  user("anna");
  const auto first = sign_in_as("anna", "correct horse");
  const auto second = refresh(first.text("/refresh"));
  ASSERT_EQ(second.status, 200);
  EXPECT_EQ(with_token(second.text("/access"), "GET /me").status, 200);
  EXPECT_EQ(refresh(first.text("/refresh")).status, 401);
  EXPECT_EQ(times_told<api::SessionRevoked>(), 1U);
  EXPECT_EQ(refresh(second.text("/refresh")).status, 401);
  EXPECT_EQ(with_token(second.text("/access"), "GET /me").status, 401);
  EXPECT_EQ(refresh("nonsense").status, 401);
}

TEST_F(AccountTest, signs_out_by_refresh_token_or_by_its_own) {
  user("anna");
  const auto one = sign_in_as("anna", "correct horse");
  const auto two = sign_in_as("anna", "correct horse");
  EXPECT_EQ(call("", "POST /auth/token/revoke",
                 fmt::format(R"({{"refresh":"{}"}})", one.text("/refresh")))
                .status,
            204);
  EXPECT_EQ(with_token(one.text("/access"), "GET /me").status, 401);
  EXPECT_EQ(with_token(two.text("/access"), "POST /auth/token/revoke", "{}").status, 204);
  EXPECT_EQ(with_token(two.text("/access"), "GET /me").status, 401);
  EXPECT_EQ(call("", "POST /auth/token/revoke", "{}").status, 401);
  EXPECT_EQ(call("", "POST /auth/token/revoke", R"({"refresh":"nonsense"})").status, 204);
}

TEST_F(AccountTest, signs_in_by_cookie_with_a_new_secret_each_time) {
  user("anna");
  const auto first = sign_in_as("anna", "correct horse", "session");
  ASSERT_EQ(first.status, 200);
  EXPECT_EQ(first.text("/user/username"), "anna");
  EXPECT_FALSE(first.body.as_object().contains("access")) << "scripts get nothing to leak";
  const auto cookie = cookie_of(first);
  EXPECT_EQ(with_cookie(cookie, "GET /me").status, 200);
  auto again = make("POST /auth/session", password_body("anna", "correct horse"));
  again.headers.add("cookie", cookie);
  again.headers.add("origin", "https://indaba.example");
  const auto second = send(std::move(again));
  ASSERT_EQ(second.status, 200);
  EXPECT_NE(cookie_of(second), cookie);
  EXPECT_EQ(with_cookie(cookie, "GET /me").status, 401) << "the old one is over";
  EXPECT_EQ(with_cookie(cookie_of(second), "GET /me").status, 200);
}

TEST_F(AccountTest, takes_changes_by_cookie_only_from_its_own_pages) {
  user("anna");
  const auto cookie = cookie_of(sign_in_as("anna", "correct horse", "session"));
  for (std::string_view origin :
       {"", "null", "https://evil.example", "https://indaba.example.evil.example",
        "https://INDABA.example", "https://indaba.example:8443"})
    EXPECT_EQ(with_cookie(cookie, "PATCH /me", R"({"display_name":"x"})", origin).status, 403)
        << origin;
  EXPECT_EQ(with_cookie(cookie, "PATCH /me", R"({"display_name":"x"})").status, 200);
}

TEST_F(AccountTest, signing_out_drops_the_cookie_and_its_session) {
  user("anna");
  const auto cookie = cookie_of(sign_in_as("anna", "correct horse", "session"));
  const auto out = with_cookie(cookie, "DELETE /auth/session");
  EXPECT_EQ(out.status, 204);
  EXPECT_NE(out.headers.find("set-cookie")->find("Max-Age=0"), std::string_view::npos);
  EXPECT_EQ(with_cookie(cookie, "GET /me").status, 401);
  EXPECT_EQ(times_told<api::SessionRevoked>(), 1U);
}

TEST_F(AccountTest, gives_socket_tokens_to_users) {
  user("anna");
  const auto token = call("anna", "POST /auth/ws-token");
  EXPECT_EQ(token.status, 200);
  EXPECT_EQ(token.number("/expires_in"), 60);
  EXPECT_EQ(with_token(token.text("/token"), "GET /me").status, 401)
      << "it opens sockets and nothing else";
  EXPECT_EQ(call("", "POST /auth/ws-token").status, 401);
}

TEST_F(AccountTest, shows_and_changes_the_profile) {
  user("anna");
  org("acme", "anna");
  const auto me = call("anna", "GET /me");
  EXPECT_EQ(me.text("/orgs/0/slug"), "acme");
  EXPECT_EQ(me.text("/orgs/0/role"), "owner");
  EXPECT_TRUE(me.body.at("roles").as_array().empty());
  const auto changed = call(
      "anna", "PATCH /me",
      R"({"display_name":"A","email":"a@example.org","locale":"af-ZA","time_zone":"Africa/Johannesburg",)"
      R"("quiet_hours":{"start":"22:00","end":"07:00"}})");
  ASSERT_EQ(changed.status, 200);
  EXPECT_EQ(changed.text("/quiet_hours/start"), "22:00");
  EXPECT_EQ(call("anna", "GET /me").body, changed.body);
  EXPECT_EQ(call("anna", "GET /orgs/nowhere").text("/detail"), "So iets bestaan nie hier nie.")
      << "in the user's language";
  const auto cleared = call("anna", "PATCH /me", R"({"email":null,"quiet_hours":null})");
  EXPECT_TRUE(cleared.body.at("email").is_null());
  EXPECT_TRUE(cleared.body.at("quiet_hours").is_null());
  EXPECT_EQ(cleared.text("/display_name"), "A");
  const auto wrong =
      call("anna", "PATCH /me",
           R"({"email":"x","time_zone":"../etc","quiet_hours":{"start":"25:00","end":"7"}})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.body.at("errors").as_array().size(), 4U);
  for (std::string_view smuggled :
       {R"({"id":1})", R"({"username":"root"})", R"({"roles":["superuser"]})", R"({"orgs":[]})"})
    EXPECT_EQ(call("anna", "PATCH /me", std::string(smuggled)).status, 422) << smuggled;
  EXPECT_EQ(call("", "GET /me").status, 401);
}

TEST_F(AccountTest, keeps_strange_texts_as_they_are) {
  user("anna");
  for (std::string_view name :
       {"'", R"(\")", ";--", "$$", "%_", "${jndi:ldap}", "{{7*7}}", "a\\r\\nb", "\\u202e"}) {
    const auto changed = call("anna", "PATCH /me", fmt::format(R"({{"display_name":"{}"}})", name));
    ASSERT_EQ(changed.status, 200) << name;
    EXPECT_EQ(call("anna", "GET /me").text("/display_name"), changed.text("/display_name"));
  }
  EXPECT_EQ(call("anna", "PATCH /me", R"({"display_name":"a\u0000b"})").status, 422);
}

TEST_F(AccountTest, deletes_an_account_and_leaves_nobody_behind) {
  const auto anna = user("anna");
  user("ben");
  org("acme", "ben");
  member("acme", "ben", "anna", "member");
  ASSERT_EQ(
      call("anna", "PATCH /me", R"({"email":"anna@example.org","display_name":"Anna Secret"})")
          .status,
      200);
  ASSERT_EQ(call("anna", "DELETE /me").status, 204);
  EXPECT_EQ(call("anna", "GET /me").status, 401);
  EXPECT_EQ(sign_in_as("anna", "correct horse").status, 401);
  EXPECT_EQ(times_told<api::UserDisabled>(), 1U);
  EXPECT_EQ(times_told<api::MembershipEnded>(), 1U);
  EXPECT_EQ(times_told<api::StreamClosed>(), 1U);
  EXPECT_EQ(call("ben", "GET /orgs/acme/members").body.at("results").as_array().size(), 1U);
  const auto row =
      db::read_blocking(*database_, [&](db::Session& s) { return auth::find_user(s, anna); })
          .value()
          .value();
  EXPECT_EQ(row.username, fmt::format("deleted~{}", anna.value));
  EXPECT_EQ(row.display_name, "Deleted user");
  EXPECT_FALSE(row.email);
  EXPECT_TRUE(row.password_hash.empty());
  EXPECT_EQ(call("", "POST /auth/register", password_body("anna", "correct horse")).status, 201)
      << "the name is free again";
}

TEST_F(AccountTest, the_last_owner_cannot_delete_the_account) {
  user("anna");
  org("acme", "anna");
  EXPECT_EQ(call("anna", "DELETE /me").code(), "last_owner");
  EXPECT_EQ(call("anna", "GET /me").status, 200) << "and nothing of it happened";
  ASSERT_EQ(call("anna", "DELETE /orgs/acme").status, 204);
  EXPECT_EQ(call("anna", "DELETE /me").status, 204);
}

TEST_F(AccountTest, lists_ones_own_sessions_and_ends_them) {
  user("anna");
  user("ben");
  const auto other = sign_in_as("anna", "correct horse");
  const auto list = call("anna", "GET /me/sessions");
  ASSERT_EQ(list.body.at("results").as_array().size(), 2U);
  std::int64_t other_id = 0;
  for (const auto& session : list.body.at("results").as_array())
    if (!session.at("current").as_bool()) other_id = session.at("id").as_int64();
  ASSERT_NE(other_id, 0);
  const auto line = fmt::format("DELETE /me/sessions/{}", other_id);
  EXPECT_EQ(call("ben", line).status, 404);
  EXPECT_EQ(call("anna", line).status, 204);
  EXPECT_EQ(call("anna", line).status, 404);
  EXPECT_EQ(with_token(other.text("/access"), "GET /me").status, 401);
  EXPECT_EQ(times_told<api::SessionRevoked>(), 1U);
}

TEST_F(AccountTest, tells_a_user_of_every_sign_in_and_its_end) {
  user("anna");
  const auto first = sign_in_as("anna", "correct horse");
  ASSERT_EQ(refresh(first.text("/refresh")).status, 200);
  ASSERT_EQ(refresh(first.text("/refresh")).status, 401);
  const auto told = me_events("anna");
  ASSERT_EQ(told.size(), 2U);
  EXPECT_TRUE(told[0].starts_with(R"(session_started ,"session_id":)")) << told[0];
  EXPECT_TRUE(told[1].starts_with(R"(session_ended ,"session_id":)")) << told[1];
}

TEST_F(AccountTest, a_new_password_ends_all_other_sessions) {
  user("anna");
  const auto kept = sign_in_as("anna", "correct horse");
  const auto other = sign_in_as("anna", "correct horse");
  const auto change = [&](std::string_view old_one, std::string_view new_one) {
    return with_token(kept.text("/access"), "POST /auth/password",
                      fmt::format(R"({{"old":"{}","new":"{}"}})", old_one, new_one));
  };
  EXPECT_EQ(change("wrong horse!", "battery staple").text("/errors/0/field"), "old");
  EXPECT_EQ(change("correct horse", "short").text("/errors/0/field"), "new");
  ASSERT_EQ(change("correct horse", "battery staple").status, 204);
  EXPECT_EQ(with_token(kept.text("/access"), "GET /me").status, 200);
  EXPECT_EQ(with_token(other.text("/access"), "GET /me").status, 401);
  EXPECT_EQ(refresh(other.text("/refresh")).status, 401);
  EXPECT_EQ(sign_in_as("anna", "correct horse").status, 401);
  EXPECT_EQ(sign_in_as("anna", "battery staple").status, 200);
}

TEST_F(AccountTest, a_new_password_renews_the_cookie_that_asked_for_it) {
  user("anna");
  const auto cookie = cookie_of(sign_in_as("anna", "correct horse", "session"));
  const auto changed = with_cookie(cookie, "POST /auth/password",
                                   R"({"old":"correct horse","new":"battery staple"})");
  ASSERT_EQ(changed.status, 204);
  EXPECT_EQ(with_cookie(cookie, "GET /me").status, 401);
  EXPECT_EQ(with_cookie(cookie_of(changed), "GET /me").status, 200);
}

TEST_F(AccountTest, mails_a_link_that_sets_a_password_once) {
  user("anna");
  ASSERT_EQ(call("anna", "PATCH /me", R"({"email":"Anna@example.org"})").status, 200);
  EXPECT_EQ(call("", "POST /auth/password/reset", R"({"email":"anna@EXAMPLE.org"})").status, 202);
  const auto mail = mailer_.wait_for_one();
  EXPECT_EQ(mail.to, "Anna@example.org");
  const auto at = mail.text.find("https://indaba.example/reset-password#");
  ASSERT_NE(at, std::string::npos);
  const auto link = mail.text.substr(at, mail.text.find('\n', at) - at);
  const auto token = link.substr(link.find('#') + 1);
  const auto confirm = [&](std::string_view password) {
    return call("", "POST /auth/password/reset/confirm",
                fmt::format(R"({{"token":"{}","password":"{}"}})", token, password));
  };
  EXPECT_EQ(confirm("short").text("/errors/0/field"), "password");
  ASSERT_EQ(confirm("battery staple").status, 204);
  EXPECT_EQ(confirm("battery staple 2").text("/errors/0/field"), "token") << "once";
  EXPECT_EQ(call("anna", "GET /me").status, 401) << "all sessions are over";
  EXPECT_EQ(sign_in_as("anna", "battery staple").status, 200);
}

TEST_F(AccountTest, a_reset_link_is_over_after_half_an_hour_and_strangers_learn_nothing) {
  user("anna");
  EXPECT_EQ(call("", "POST /auth/password/reset", R"({"username":"nobody"})").status, 202);
  EXPECT_EQ(call("", "POST /auth/password/reset", R"({"username":"anna"})").status, 202)
      << "without an address";
  ASSERT_EQ(call("anna", "PATCH /me", R"({"email":"a@example.org"})").status, 200);
  EXPECT_EQ(call("", "POST /auth/password/reset", R"({"username":"anna"})").status, 202);
  const auto mail = mailer_.wait_for_one();
  EXPECT_EQ(mailer_.count(), 0U);
  const auto at = mail.text.find('#') + 1;
  const auto token = mail.text.substr(at, mail.text.find('\n', at) - at);
  clock_.advance(std::chrono::minutes(31));
  EXPECT_EQ(call("", "POST /auth/password/reset/confirm",
                 fmt::format(R"({{"token":"{}","password":"battery staple"}})", token))
                .status,
            422);
  EXPECT_EQ(call("", "POST /auth/password/reset", "{}").status, 422);
}

TEST_F(AccountTest, blocks_whom_one_knows) {
  const auto anna = user("anna");
  const auto ben = user("ben");
  const auto zoe = user("zoe");
  org("acme", "anna");
  member("acme", "anna", "ben", "member");
  const auto blocked = [&](UserId one, UserId other) {
    return db::read_blocking(*database_,
                             [&](db::Session& s) { return is_blocked_between(s, one, other); })
        .value();
  };
  const auto line = [](std::string_view method, UserId id) {
    return fmt::format("{} /users/{}/block", method, id.value);
  };
  EXPECT_EQ(call("anna", line("PUT", ben)).status, 204);
  EXPECT_EQ(call("anna", line("PUT", ben)).status, 204) << "twice is once";
  EXPECT_TRUE(blocked(anna, ben));
  EXPECT_TRUE(blocked(ben, anna)) << "nothing passes in either direction";
  EXPECT_EQ(call("anna", line("DELETE", ben)).status, 204);
  EXPECT_FALSE(blocked(anna, ben));
  EXPECT_EQ(call("anna", line("PUT", zoe)).status, 404) << "nobody that anna may know of";
  EXPECT_EQ(call("anna", line("PUT", UserId(99'999))).status, 404);
  EXPECT_EQ(call("anna", line("PUT", anna)).status, 422);
}

TEST_F(AccountTest, counts_what_is_unread_in_every_organisation) {
  user("anna");
  org("acme", "anna");
  org("other", "anna");
  const auto unread = call("anna", "GET /me/unread");
  ASSERT_EQ(unread.body.at("orgs").as_array().size(), 2U);
  EXPECT_EQ(unread.text("/orgs/0/slug"), "acme");
  EXPECT_EQ(unread.number("/orgs/0/notifications/unread"), 3);
  EXPECT_EQ(unread.number("/orgs/0/notifications/head"), 5);
}

TEST_F(AccountTest, sweeps_what_is_over_and_tells_of_it) {
  user("anna");
  EXPECT_EQ(await(accounts_.sweep()).value(), 0);
  clock_.advance(auth::kRefreshLifetime + std::chrono::hours(1));
  EXPECT_EQ(await(accounts_.sweep()).value(), 1);
  EXPECT_EQ(times_told<api::SessionRevoked>(), 1U);
}

TEST_F(AccountTest, the_command_line_makes_users_passwords_and_tokens) {
  auth::NewUser root;
  root.username = "root";
  root.password_hash = auth::blocking_hash_password("correct horse", auth::kTestCost).value();
  root.superuser = true;
  ASSERT_TRUE(write([&](db::WriteTx& tx) { return create_account(tx, root, clock_, random_); }));
  const auto session = auth::new_session(auth::SessionKind::personal, random_, {"command line", ""},
                                         std::chrono::hours(1));
  ASSERT_TRUE(write([&](db::WriteTx& tx) {
    return create_personal_token(tx, changes_, "root", session, clock_.wall());
  }));
  const auto me = with_token(session.secret, "GET /me");
  EXPECT_EQ(me.text("/roles/0"), "superuser");
  EXPECT_FALSE(write([&](db::WriteTx& tx) {
    return create_personal_token(tx, changes_, "nobody", session, clock_.wall());
  }));
}

class InviteOnlyTest : public AccountWorld {
 protected:
  InviteOnlyTest() : AccountWorld({Registration::invite, false, ""}) {}
};

TEST_F(InviteOnlyTest, an_invitation_opens_registration_and_the_organisation) {
  user("anna");
  org("acme", "anna");
  EXPECT_EQ(call("", "POST /auth/register", password_body("ben", "correct horse")).code(),
            "invite_required");
  const auto code = call("anna", "POST /orgs/acme/invites", "{}").text("/code");
  const auto body = [&](std::string_view name) {
    return fmt::format(R"({{"username":"{}","password":"correct horse","invite":"{}"}})", name,
                       code);
  };
  const auto made = call("", "POST /auth/register", body("ben"));
  ASSERT_EQ(made.status, 201);
  EXPECT_EQ(made.text("/user/orgs/0/slug"), "acme");
  EXPECT_EQ(call("", "POST /auth/register", body("carla")).text("/errors/0/field"), "invite")
      << "used up";
}

class ClosedTest : public AccountWorld {
 protected:
  ClosedTest() : AccountWorld({Registration::open, true, ""}) {}
};

TEST_F(ClosedTest, shared_numbers_close_registration) {
  EXPECT_EQ(call("", "POST /auth/register", password_body("ben", "correct horse")).code(),
            "registration_closed");
}

TEST(Mail, cannot_be_made_to_say_more_than_it_should) {
  const SmtpSettings settings{"smtp://127.0.0.1", "Indaba <indaba@example.org>"};
  const auto text = render_mail(
      settings, {"a@example.org\r\nBcc: all@example.org", "Héllo\r\nX: y", "the body\n.\nmore"});
  EXPECT_NE(text.find("To: a@example.orgBcc: all@example.org\r\n"), std::string::npos);
  EXPECT_EQ(text.find("\r\nBcc:"), std::string::npos);
  EXPECT_EQ(text.find("\r\nX:"), std::string::npos);
  EXPECT_EQ(text.find("\n.\n"), std::string::npos);
}

}  // namespace
}  // namespace indaba::account
