#include "auth/request_authenticator.hpp"

#include "auth/jwt_test_keys.hpp"
#include "auth/test_auth_world.hpp"

namespace indaba::auth {
namespace {

class RequestAuthenticatorTest : public AuthWorld {
 protected:
  static void expect_refused(const Result<Principal>& result,
                             std::string_view code = "unauthenticated") {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::unauthenticated);
    EXPECT_EQ(result.error().code_or_slug(), code);
  }
  Result<Principal> open_socket(http::Request request) {
    return await(authenticator_.authenticate_socket(request));
  }
  void end(UserId user, SessionId session) {
    ASSERT_TRUE(write([&](db::WriteTx& tx) { return end_session(tx, user, session); }));
    identities_.session_ended(session);
  }
};

TEST_F(RequestAuthenticatorTest, somebody_without_credentials_is_anonymous) {
  const auto nobody = authenticate({});
  ASSERT_TRUE(nobody);
  EXPECT_FALSE(nobody->is_known());
  EXPECT_FALSE(authenticate(request_with("authorization", "Basic YTpi"))->is_known())
      << "the credentials of a proxy";
}

TEST_F(RequestAuthenticatorTest, an_access_token_is_its_user) {
  const auto anna = make_user("anna");
  const auto signed_in = sign_in(anna.id);
  for (std::string_view scheme : {"Bearer", "bearer", "Token"}) {
    const auto principal =
        authenticate(request_with("authorization", fmt::format("{} {}", scheme, signed_in.access)));
    ASSERT_TRUE(principal) << scheme;
    EXPECT_EQ(principal->user, anna.id);
    EXPECT_EQ(principal->username, "anna");
    EXPECT_EQ(principal->session, signed_in.session);
    EXPECT_EQ(principal->credential, CredentialKind::access_token);
  }
}

TEST_F(RequestAuthenticatorTest, an_access_token_ends_with_its_time_and_with_its_session) {
  const auto anna = make_user("anna");
  const auto signed_in = sign_in(anna.id);
  const auto principal = bearer(signed_in.access).value();
  clock_.advance(kAccessLifetime + kClockLeeway + std::chrono::seconds(1));
  expect_refused(bearer(signed_in.access), "token_expired");
  const auto again = mint_.access_token(anna.id, signed_in.session);
  EXPECT_TRUE(bearer(again));
  EXPECT_TRUE(authenticator_.still_valid(principal, clock_.wall()));
  end(anna.id, signed_in.session);
  expect_refused(bearer(again));
  EXPECT_FALSE(authenticator_.still_valid(principal, clock_.wall()));
}

TEST_F(RequestAuthenticatorTest, a_disabled_user_is_nobody) {
  const auto anna = make_user("anna");
  const auto signed_in = sign_in(anna.id);
  const auto principal = bearer(signed_in.access).value();
  ASSERT_TRUE(write([&](db::WriteTx& tx) {
    return tx.sql().execute("UPDATE users SET active = 0 WHERE id = $1", anna.id);
  }));
  identities_.user_disabled(anna.id);
  expect_refused(bearer(signed_in.access));
  EXPECT_FALSE(authenticator_.still_valid(principal, clock_.wall()));
}

TEST_F(RequestAuthenticatorTest, a_refresh_or_socket_token_is_no_access_token) {
  const auto anna = make_user("anna");
  const auto signed_in = sign_in(anna.id);
  expect_refused(bearer(signed_in.secret));
  const auto principal = bearer(signed_in.access).value();
  expect_refused(bearer(mint_.socket_token(principal)));
}

TEST_F(RequestAuthenticatorTest, broken_credentials_are_refused) {
  for (std::string_view value :
       {"Bearer", "Bearer ", "Bearer a b", "Bearer x", "Bearer ..", "Token 0123456789abcdef"})
    expect_refused(authenticate(request_with("authorization", value)));
  auto twice = request_with("authorization", "Bearer a.b.c");
  twice.headers.add("authorization", "Bearer a.b.c");
  expect_refused(authenticate(std::move(twice)));
}

TEST_F(RequestAuthenticatorTest, a_cookie_is_its_session_under_the_name_that_fits_the_transport) {
  const auto anna = make_user("anna");
  const auto signed_in = sign_in(anna.id, SessionKind::cookie);
  const auto plain =
      authenticate(request_with("cookie", fmt::format("x=1; indaba_session={}", signed_in.secret)));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->credential, CredentialKind::session_cookie);
  EXPECT_EQ(plain->session, signed_in.session);
  auto secure = request_with("cookie", fmt::format("indaba_session={}", signed_in.secret));
  secure.secure = true;
  EXPECT_FALSE(authenticate(secure)->is_known()) << "over TLS only __Host- counts";
  auto host = request_with("cookie", fmt::format("__Host-indaba={}", signed_in.secret));
  host.secure = true;
  EXPECT_TRUE(authenticate(host)->is_known());
  expect_refused(authenticate(request_with("cookie", "indaba_session=ic_nonsense")));
  EXPECT_FALSE(
      authenticate(request_with("cookie", fmt::format("indaba_session={0}; indaba_session={0}",
                                                      signed_in.secret)))
          ->is_known())
      << "one of two was planted";
}

TEST_F(RequestAuthenticatorTest, a_cookie_lives_on_while_it_is_used) {
  const auto anna = make_user("anna");
  const auto signed_in = sign_in(anna.id, SessionKind::cookie);
  const auto header = fmt::format("indaba_session={}", signed_in.secret);
  for (int day = 0; day < 30; ++day) {
    clock_.advance(std::chrono::hours(24));
    ASSERT_TRUE(authenticate(request_with("cookie", header))) << day;
  }
  clock_.advance(kCookieLifetime + std::chrono::hours(1));
  expect_refused(authenticate(request_with("cookie", header)));
}

TEST_F(RequestAuthenticatorTest, a_cookie_with_a_new_secret_leaves_the_old_one_worthless) {
  const auto anna = make_user("anna");
  const auto signed_in = sign_in(anna.id, SessionKind::cookie);
  const auto with = [&](std::string_view secret) {
    return authenticate(request_with("cookie", fmt::format("indaba_session={}", secret)));
  };
  ASSERT_TRUE(with(signed_in.secret));
  const auto fresh = new_secret(random_, kCookiePrefix);
  ASSERT_TRUE(write(
      [&](db::WriteTx& tx) { return replace_secret(tx, signed_in.session, hash_secret(fresh)); }));
  identities_.session_changed(signed_in.session);
  expect_refused(with(signed_in.secret));
  EXPECT_TRUE(with(fresh));
}

TEST_F(RequestAuthenticatorTest, a_personal_token_works_in_both_schemes_until_it_ends) {
  const auto anna = make_user("anna");
  const auto token = sign_in(anna.id, SessionKind::personal, std::chrono::hours(1));
  for (std::string_view scheme : {"Token", "Bearer"}) {
    const auto principal =
        authenticate(request_with("authorization", fmt::format("{} {}", scheme, token.secret)));
    ASSERT_TRUE(principal);
    EXPECT_EQ(principal->credential, CredentialKind::personal_token);
    EXPECT_EQ(principal->expires_at, clock_.wall() + std::chrono::hours(1));
  }
  clock_.advance(std::chrono::hours(1));
  expect_refused(bearer(token.secret));
}

TEST_F(RequestAuthenticatorTest,
       an_api_key_belongs_to_its_organisation_and_ends_when_it_is_deleted) {
  const std::string secret = new_secret(random_, kApiKeyPrefix);
  ASSERT_TRUE(write([&](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(
        tx.sql().execute("INSERT INTO orgs (id, slug, name, notifications_stream, created_at) "
                         "VALUES (3,'a','A',1,0)"));
    const std::string hash = hash_secret(secret);
    return tx.sql().execute(
        "INSERT INTO api_keys (id, org_id, name, secret_hash, scopes, created_at) VALUES "
        "(5,3,'k',$1,"
        "'publish read',0)",
        hash);
  }));
  const auto principal = bearer(secret);
  ASSERT_TRUE(principal);
  EXPECT_EQ(principal->kind, PrincipalKind::api_key);
  EXPECT_EQ(principal->key_org, OrgId(3));
  EXPECT_TRUE(principal->has_scope("publish"));
  EXPECT_FALSE(principal->has_scope("admin"));
  ASSERT_TRUE(write(
      [&](db::WriteTx& tx) { return tx.sql().execute("DELETE FROM api_keys WHERE id = 5"); }));
  identities_.api_key_ended(ApiKeyId(5));
  expect_refused(bearer(secret));
  EXPECT_FALSE(authenticator_.still_valid(*principal, clock_.wall()));
}

TEST_F(RequestAuthenticatorTest, a_socket_token_opens_one_socket_within_a_minute) {
  const auto anna = make_user("anna");
  const auto signed_in = sign_in(anna.id);
  const auto token = mint_.socket_token(bearer(signed_in.access).value());
  const auto first = open_socket(request_with("", "", "token=" + token));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->user, anna.id);
  EXPECT_EQ(first->session, signed_in.session) << "it ends with the session behind it";
  EXPECT_EQ(first->credential, CredentialKind::socket_token);
  expect_refused(open_socket(request_with("", "", "token=" + token)));
  const auto late = mint_.socket_token(bearer(signed_in.access).value());
  clock_.advance(std::chrono::seconds(61));
  expect_refused(open_socket(request_with("", "", "token=" + late)), "token_expired");
}

TEST_F(RequestAuthenticatorTest, a_socket_token_of_an_ended_session_opens_nothing) {
  const auto anna = make_user("anna");
  const auto signed_in = sign_in(anna.id);
  const auto token = mint_.socket_token(bearer(signed_in.access).value());
  end(anna.id, signed_in.session);
  expect_refused(open_socket(request_with("", "", "token=" + token)));
}

TEST_F(RequestAuthenticatorTest,
       another_token_in_the_url_is_refused_unless_the_operator_allows_it) {
  const auto anna = make_user("anna");
  const auto signed_in = sign_in(anna.id);
  expect_refused(open_socket(request_with("", "", "token=" + signed_in.access)));
  RequestAuthenticator lenient({.query_token = true}, identities_, mint_, nullptr, *database_,
                               clock_);
  const auto request = request_with("", "", "token=" + signed_in.access);
  EXPECT_TRUE(await(lenient.authenticate_socket(request)));
}

TEST_F(RequestAuthenticatorTest, a_socket_takes_the_first_credential_that_is_present) {
  const auto anna = make_user("anna");
  const auto ben = make_user("ben");
  const auto carla = make_user("carla");
  auto request =
      request_with("sec-websocket-protocol", "indaba.v1, Bearer, " + sign_in(anna.id).access);
  request.headers.add("authorization", "Bearer " + sign_in(ben.id).access);
  request.headers.add("cookie", "indaba_session=" + sign_in(carla.id, SessionKind::cookie).secret);
  EXPECT_EQ(open_socket(request)->username, "anna");
  auto without = request_with("authorization", "Bearer " + sign_in(ben.id).access);
  without.headers.add("sec-websocket-protocol", "indaba.v1");
  without.headers.add("cookie", "indaba_session=" + sign_in(carla.id, SessionKind::cookie).secret);
  EXPECT_EQ(open_socket(without)->username, "ben");
  auto wrong_first = request_with("sec-websocket-protocol", "Bearer, a.b.c");
  wrong_first.headers.add("authorization", "Bearer " + sign_in(ben.id).access);
  expect_refused(open_socket(wrong_first));
  EXPECT_FALSE(open_socket({})->is_known());
}

TEST_F(RequestAuthenticatorTest, an_external_identity_is_never_the_local_user_of_the_same_number) {
  constexpr std::string_view kTeamsSecret = "django-insecure-of-a-team-that-was-there-before";
  const auto anna = make_user("anna");
  auto external =
      std::shared_ptr(ExternalVerifier::make({.key = std::string(kTeamsSecret)}, clock_).value());
  authenticator_.replace_external(external);
  const auto token = testing::hs256(
      R"({"alg":"HS256"})",
      fmt::format(
          R"({{"token_type":"access","exp":{},"user_id":{},"username":"anna","streams":["orgs/a/topics/x"]}})",
          to_millis(clock_.wall()) / 1000 + 300, anna.id.value),
      kTeamsSecret);
  const auto first = bearer(token);
  ASSERT_TRUE(first);
  EXPECT_NE(first->user, anna.id);
  EXPECT_NE(first->username, "anna");
  EXPECT_EQ(first->credential, CredentialKind::external_token);
  EXPECT_EQ(first->streams, std::vector<std::string>{"orgs/a/topics/x"});
  EXPECT_EQ(bearer(token)->user, first->user) << "the same row on second sight";
  EXPECT_FALSE(authenticator_.still_valid(*first, clock_.wall() + std::chrono::seconds(300)));
  authenticator_.replace_external(nullptr);
  expect_refused(bearer(token));
}

TEST_F(RequestAuthenticatorTest, with_external_ids_the_numbers_are_the_same) {
  constexpr std::string_view kTeamsSecret = "django-insecure-of-a-team-that-was-there-before";
  const auto anna = make_user("anna");
  authenticator_.replace_external(
      ExternalVerifier::make({.key = std::string(kTeamsSecret), .same_numbers = true}, clock_)
          .value());
  const auto token_of = [&](std::int64_t user) {
    return testing::hs256(
        R"({"alg":"HS256"})",
        fmt::format(R"({{"token_type":"access","exp":{},"user_id":"{}","username":"zoe"}})",
                    to_millis(clock_.wall()) / 1000 + 300, user),
        kTeamsSecret);
  };
  EXPECT_EQ(bearer(token_of(anna.id.value))->username, "anna");
  const auto zoe = bearer(token_of(4711));
  ASSERT_TRUE(zoe);
  EXPECT_EQ(zoe->user, UserId(4711));
  EXPECT_EQ(zoe->username, "zoe");
}

TEST_F(RequestAuthenticatorTest, a_warm_request_needs_no_database) {
  const auto anna = make_user("anna");
  const auto signed_in = sign_in(anna.id);
  const auto cookie = sign_in(anna.id, SessionKind::cookie);
  const auto header = fmt::format("indaba_session={}", cookie.secret);
  ASSERT_TRUE(bearer(signed_in.access));
  ASSERT_TRUE(authenticate(request_with("cookie", header)));
  database_->stop();
  EXPECT_TRUE(bearer(signed_in.access));
  EXPECT_TRUE(authenticate(request_with("cookie", header)));
}

TEST_F(RequestAuthenticatorTest, the_signing_key_is_made_once_and_kept) {
  const auto make = [&](db::WriteTx& tx) { return find_or_make_signing_key(tx.sql(), random_); };
  const auto first = write(make).value().value;
  EXPECT_GE(first.size(), 48U);
  EXPECT_EQ(write(make).value().value, first);
}

TEST(SessionCookie, is_a_host_cookie_over_tls) {
  EXPECT_EQ(session_cookie("s", true, std::chrono::seconds(60)),
            "__Host-indaba=s; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
  EXPECT_EQ(session_cookie("s", false, std::chrono::seconds(60)),
            "indaba_session=s; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
  EXPECT_TRUE(ended_session_cookie(false).starts_with("indaba_session=; Path=/; Max-Age=0;"));
}

TEST(VersionedCache, drops_what_was_read_before_something_was_forgotten) {
  const ManualClock clock;
  VersionedCache<int, int> cache(clock, 100, std::chrono::minutes(1));
  const auto ticket = cache.ticket(1);
  cache.forget(1);
  cache.put(1, 10, ticket);
  EXPECT_EQ(cache.find(1), std::nullopt);
  cache.put(1, 11, cache.ticket(1));
  EXPECT_EQ(cache.find(1), 11);
}

TEST(VersionedCache, is_bounded_in_number_and_age) {
  ManualClock clock;
  VersionedCache<int, int> cache(clock, 160, std::chrono::minutes(1));
  for (int i = 0; i < 10'000; ++i) cache.put(i, i, cache.ticket(i));
  int kept = 0;
  for (int i = 0; i < 10'000; ++i) kept += cache.find(i) ? 1 : 0;
  EXPECT_LE(kept, 160);
  EXPECT_GE(kept, 1);
  clock.advance(std::chrono::seconds(61));
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(cache.find(i), std::nullopt);
}

TEST(RevokedIds, remember_the_newest_and_are_bounded) {
  RevokedIds ids;
  EXPECT_FALSE(ids.contains(1));
  for (std::int64_t i = 1; i <= 100'000; ++i) ids.add(i);
  EXPECT_TRUE(ids.contains(100'000));
  EXPECT_TRUE(ids.contains(50'000));
  EXPECT_FALSE(ids.contains(1));
}

}  // namespace
}  // namespace indaba::auth
