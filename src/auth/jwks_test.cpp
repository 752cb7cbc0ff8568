#include "auth/jwks.hpp"

#include "auth/external_tokens.hpp"
#include "auth/jwt_test_keys.hpp"
#include "db/test_executor.hpp"

#include <gtest/gtest.h>

namespace indaba::auth {
namespace {

using namespace testing;  // NOLINT: the helpers of this test

std::string jwk_of_rsa(const PrivateKey& key, std::string_view kid, std::string_view rest = "") {
  return fmt::format(R"({{"kty":"RSA","kid":"{}","n":"{}","e":"{}"{}}})", kid,
                     text::to_base64url(number_of(key, OSSL_PKEY_PARAM_RSA_N)),
                     text::to_base64url(number_of(key, OSSL_PKEY_PARAM_RSA_E)), rest);
}
std::string jwk_of_p256(const PrivateKey& key, std::string_view kid) {
  return fmt::format(R"({{"kty":"EC","crv":"P-256","kid":"{}","x":"{}","y":"{}"}})", kid,
                     text::to_base64url(number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, 32)),
                     text::to_base64url(number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32)));
}
std::string jwk_of_ed25519(const PrivateKey& key, std::string_view kid) {
  return fmt::format(R"({{"kty":"OKP","crv":"Ed25519","kid":"{}","x":"{}"}})", kid,
                     text::to_base64url(raw_ed25519(key)));
}
std::string set_of(std::initializer_list<std::string> keys) {
  return fmt::format(R"({{"keys":[{}]}})", fmt::join(keys, ","));
}

TEST(Jwks, reads_rsa_ec_and_ed25519_keys) {
  const auto rsa = make_rsa();
  const auto p256 = make_p256();
  const auto ed = make_ed25519();
  const auto keys =
      parse_jwks(set_of({jwk_of_rsa(rsa, "r"), jwk_of_p256(p256, "e"), jwk_of_ed25519(ed, "o")}),
                 {})
          .value();
  EXPECT_EQ(keys.size(), 3U);
  const ManualClock clock;
  const auto payload = fmt::format(R"({{"token_type":"access","exp":{},"user_id":1}})",
                                   to_millis(clock.wall()) / 1000 + 60);
  EXPECT_TRUE(
      verify_jwt(rs256(R"({"alg":"RS256","kid":"r"})", payload, rsa), keys, {}, clock.wall()));
  EXPECT_TRUE(
      verify_jwt(es256(R"({"alg":"ES256","kid":"e"})", payload, p256), keys, {}, clock.wall()));
  EXPECT_TRUE(
      verify_jwt(eddsa(R"({"alg":"EdDSA","kid":"o"})", payload, ed), keys, {}, clock.wall()));
  EXPECT_FALSE(
      verify_jwt(eddsa(R"({"alg":"EdDSA","kid":"r"})", payload, ed), keys, {}, clock.wall()));
}

TEST(Jwks, leaves_out_what_it_must_not_use) {
  const auto rsa = make_rsa();
  EXPECT_EQ(parse_jwks(set_of({R"({"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQ"})"}), {})->size(),
            0U)
      << "a secret";
  EXPECT_EQ(parse_jwks(set_of({jwk_of_rsa(rsa, "r", R"(,"use":"enc")")}), {})->size(), 0U)
      << "for encryption";
  EXPECT_EQ(parse_jwks(set_of({jwk_of_rsa(rsa, "r", R"(,"alg":"RS512")")}), {})->size(), 0U)
      << "for another algorithm";
  EXPECT_EQ(parse_jwks(set_of({jwk_of_rsa(rsa, "r")}), {JwtAlgorithm::es256})->size(), 0U)
      << "not allowed";
  EXPECT_EQ(
      parse_jwks(set_of({R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})", "7", "null"}), {})
          ->size(),
      0U);
  EXPECT_FALSE(parse_jwks("[]", {}));
  EXPECT_FALSE(parse_jwks(R"({"keys":{}})", {}));
  EXPECT_FALSE(parse_jwks("<html>", {}));
}

TEST(Jwks, are_fetched_over_https_or_from_the_loopback_address_alone) {
  EXPECT_TRUE(check_jwks_url("https://id.example/jwks"));
  EXPECT_TRUE(check_jwks_url("http://127.0.0.1:9000/jwks"));
  EXPECT_TRUE(check_jwks_url("http://[::1]:9000/jwks"));
  for (std::string_view url :
       {"http://id.example/jwks", "http://127.0.0.1.id.example/", "ftp://127.0.0.1/",
        "file:///etc/passwd", "http://10.0.0.1/", "http://127.0.0.1@id.example/", "", "jwks"})
    EXPECT_FALSE(check_jwks_url(url)) << url;
}

// An issuer whose answer the test decides on.
struct Issuer {
  std::mutex mutex;
  std::string answer;
  bool reachable = true;
  int asked = 0;

  JwksFetch fetch() {
    return [this](const std::string&) -> Result<std::string> {
      const std::lock_guard lock(mutex);
      ++asked;
      if (!reachable) return Error(ErrorKind::unavailable);
      return answer;
    };
  }
  void set(std::string text) {
    const std::lock_guard lock(mutex);
    answer = std::move(text);
  }
  void set_reachable(bool is) {
    const std::lock_guard lock(mutex);
    reachable = is;
  }
  int times_asked() {
    const std::lock_guard lock(mutex);
    return asked;
  }
};

class JwksSourceTest : public ::testing::Test {
 protected:
  std::shared_ptr<const JwtKeySet> keys_for(std::string kid) {
    return db::run_on(executor_, source_.keys_for(std::move(kid)));
  }

  ManualClock clock_;
  Issuer issuer_{.answer = set_of({jwk_of_ed25519(make_ed25519(), "old")})};
  db::TestExecutor executor_;
  JwksSource source_{"https://id.example/jwks", {}, clock_, issuer_.fetch()};
};

TEST_F(JwksSourceTest, waits_for_the_first_fetch_and_then_answers_from_memory) {
  EXPECT_TRUE(keys_for("old")->knows("old"));
  EXPECT_TRUE(keys_for("old")->knows("old"));
  EXPECT_EQ(issuer_.times_asked(), 1);
}

TEST_F(JwksSourceTest, asks_again_for_an_unknown_kid_but_at_most_once_a_minute) {
  EXPECT_FALSE(keys_for("new")->knows("new"));
  const int before = issuer_.times_asked();
  for (int i = 0; i < 10; ++i)
    EXPECT_FALSE(keys_for("invented-" + std::to_string(i))->knows("new"));
  EXPECT_EQ(issuer_.times_asked(), before);
  issuer_.set(set_of({jwk_of_ed25519(make_ed25519(), "new")}));
  clock_.advance(std::chrono::seconds(61));
  EXPECT_TRUE(keys_for("new")->knows("new"));
  EXPECT_FALSE(keys_for("new")->knows("old")) << "rotated away";
  EXPECT_EQ(issuer_.times_asked(), before + 1);
}

TEST_F(JwksSourceTest, keeps_what_it_has_while_the_issuer_is_unreachable) {
  EXPECT_TRUE(keys_for("old")->knows("old"));
  issuer_.set_reachable(false);
  clock_.advance(std::chrono::minutes(11));
  EXPECT_FALSE(keys_for("new")->knows("new"));
  EXPECT_TRUE(keys_for("old")->knows("old"));
}

class ExternalTest : public ::testing::Test {
 protected:
  static constexpr std::string_view kTeamsSecret =
      "django-insecure-of-a-team-that-was-there-before";
  Result<ExternalToken> verify(ExternalSettings settings, std::string token) {
    auto verifier = ExternalVerifier::make(std::move(settings), clock_).value();
    return db::run_on(executor_, verifier->verify(std::move(token)));
  }
  std::string token(std::string_view claims, std::int64_t exp_in = 300) const {
    return hs256(R"({"alg":"HS256","typ":"JWT"})",
                 fmt::format(R"({{"exp":{}{}}})", to_millis(clock_.wall()) / 1000 + exp_in, claims),
                 kTeamsSecret);
  }

  ManualClock clock_;
  db::TestExecutor executor_;
};

TEST_F(ExternalTest, takes_a_token_of_simplejwt_for_an_identity_of_its_own) {
  const auto read = verify({.key = std::string(kTeamsSecret)},
                           token(R"(,"token_type":"access","jti":"0","user_id":7)"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->identity.issuer, "");
  EXPECT_EQ(read->identity.subject, "7");
  EXPECT_FALSE(read->identity.same_number);
  const auto as_text =
      verify({.key = std::string(kTeamsSecret)}, token(R"(,"token_type":"access","user_id":"7")"));
  EXPECT_EQ(as_text->identity.subject, "7") << "the same user, also after an upgrade of SimpleJWT";
}

TEST_F(ExternalTest, ends_at_exp_or_with_the_leeway_where_exp_is_over) {
  const ExternalSettings settings{.key = std::string(kTeamsSecret)};
  const auto fresh = verify(settings, token(R"(,"token_type":"access","user_id":7)"));
  EXPECT_EQ(fresh->expires_at, clock_.wall() + std::chrono::seconds(300));
  const auto late = verify(settings, token(R"(,"token_type":"access","user_id":7)", -30));
  ASSERT_TRUE(late);
  EXPECT_EQ(late->expires_at, clock_.wall() + std::chrono::seconds(30));
}

TEST_F(ExternalTest, needs_a_token_type_unless_the_issuer_is_named) {
  EXPECT_FALSE(verify({.key = std::string(kTeamsSecret)}, token(R"(,"user_id":7)")));
  const ExternalSettings named{.key = std::string(kTeamsSecret), .issuer = "https://id.example"};
  EXPECT_TRUE(verify(named, token(R"(,"iss":"https://id.example","sub":"a-b-c")")));
  EXPECT_FALSE(
      verify(named, token(R"(,"iss":"https://id.example","sub":"a-b-c","token_type":"refresh")")));
}

TEST_F(ExternalTest, takes_the_numbers_for_its_own_only_where_the_operator_says_so) {
  const ExternalSettings same{.key = std::string(kTeamsSecret), .same_numbers = true};
  EXPECT_EQ(verify(same, token(R"(,"token_type":"access","user_id":7)"))->identity.same_number,
            UserId(7));
  EXPECT_FALSE(verify(same, token(R"(,"token_type":"access","user_id":"seven")")));
}

TEST_F(ExternalTest, refuses_a_configuration_that_contradicts_itself) {
  EXPECT_FALSE(
      ExternalVerifier::make({.key = public_pem(make_rsa()), .algorithms = {"HS256"}}, clock_));
  EXPECT_FALSE(
      ExternalVerifier::make({.key = std::string(kTeamsSecret), .algorithms = {"RS256"}}, clock_));
  EXPECT_FALSE(
      ExternalVerifier::make({.key = std::string(kTeamsSecret), .algorithms = {"none"}}, clock_));
  EXPECT_FALSE(ExternalVerifier::make({.jwks_url = "http://id.example/jwks"}, clock_));
}

}  // namespace
}  // namespace indaba::auth
