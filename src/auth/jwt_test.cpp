#include "auth/jwt.hpp"

#include "auth/jwt_test_keys.hpp"

#include <gtest/gtest.h>

namespace indaba::auth {
namespace {

using namespace testing;  // NOLINT: the helpers of this test

constexpr std::string_view kSecret = "a secret of more than thirty-two bytes";
constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";
const WallTime kNow{std::chrono::seconds{1'795'298'700}};

std::int64_t now_seconds() {
  return to_millis(kNow) / 1000;
}

std::string payload(std::string_view rest = "", std::int64_t exp_in = 300) {
  return fmt::format(
      R"({{"token_type":"access","exp":{},"iat":{},"jti":"0123456789abcdef0123456789abcdef","user_id":1{}}})",
      now_seconds() + exp_in, now_seconds(), rest);
}

JwtKeySet secret_keys() {
  return JwtKeySet({JwtKey::from_secret(kSecret).value()});
}

Result<JwtClaims> check_token(std::string_view token, const JwtPolicy& policy = {}) {
  return verify_jwt(token, secret_keys(), policy, kNow);
}
Result<JwtClaims> check_payload(std::string_view text, const JwtPolicy& policy = {}) {
  return check_token(hs256(kHeader, text, kSecret), policy);
}

void expect_refused(const Result<JwtClaims>& result, std::string_view why) {
  ASSERT_FALSE(result) << why;
  EXPECT_EQ(result.error().kind, ErrorKind::unauthenticated) << why;
  EXPECT_EQ(result.error().code_or_slug(), "unauthenticated") << why;
  EXPECT_EQ(result.error().detail, not_authenticated().detail)
      << "the answer tells nothing more: " << why;
}

TEST(Jwt, accepts_a_token_of_simplejwt) {
  const auto claims = check_payload(payload());
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->number("user_id"), 1);
  EXPECT_EQ(claims->text("jti"), "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(to_millis(claims->expires_at), (now_seconds() + 300) * 1000);
}

TEST(Jwt, accepts_a_user_id_that_is_a_string) {
  const auto claims = check_payload(
      fmt::format(R"({{"token_type":"access","exp":{},"user_id":"17"}})", now_seconds() + 9));
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->number("user_id"), 17);
}

TEST(Jwt, a_number_claim_is_positive_whole_and_below_2_to_the_53) {
  for (std::string_view id :
       {"0", "-1", "1.5", "1e3", "9007199254740992", "\"1 \"", "\"+1\"", "true", "null", "[1]"}) {
    const auto claims = check_payload(
        fmt::format(R"({{"token_type":"access","exp":{},"user_id":{}}})", now_seconds() + 9, id));
    ASSERT_TRUE(claims) << id;
    EXPECT_EQ(claims->number("user_id"), std::nullopt) << id;
  }
}

TEST(Jwt, what_we_sign_we_accept) {
  const auto key = JwtKey::from_secret(kSecret, "k1").value();
  const boost::json::object claims{
      {"token_type", "access"}, {"exp", now_seconds() + 60}, {"user_id", 5}};
  const auto read = verify_jwt(sign_jwt(claims, key), JwtKeySet({key}), {}, kNow);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->number("user_id"), 5);
}

TEST(Jwt, accepts_rs256_es256_and_eddsa_with_their_keys) {
  const auto rsa = make_rsa();
  const auto p256 = make_p256();
  const auto ed = make_ed25519();
  const JwtKeySet keys({JwtKey::from_pem(public_pem(rsa)).value(),
                        JwtKey::from_pem(public_pem(p256)).value(),
                        JwtKey::from_pem(public_pem(ed)).value()});
  EXPECT_TRUE(verify_jwt(rs256(R"({"alg":"RS256"})", payload(), rsa), keys, {}, kNow));
  EXPECT_TRUE(verify_jwt(es256(R"({"alg":"ES256"})", payload(), p256), keys, {}, kNow));
  EXPECT_TRUE(verify_jwt(eddsa(R"({"alg":"EdDSA"})", payload(), ed), keys, {}, kNow));
  expect_refused(verify_jwt(rs256(R"({"alg":"RS256"})", payload(), make_rsa()), keys, {}, kNow),
                 "another RSA key");
  expect_refused(verify_jwt(es256(R"({"alg":"ES256"})", payload(), make_p256()), keys, {}, kNow),
                 "another EC key");
  expect_refused(verify_jwt(eddsa(R"({"alg":"EdDSA"})", payload(), make_ed25519()), keys, {}, kNow),
                 "another Ed25519 key");
}

TEST(Jwt, refuses_none_in_every_spelling) {
  for (std::string_view none : {"none", "None", "NONE", "nOnE", ""}) {
    const auto header = fmt::format(R"({{"alg":"{}","typ":"JWT"}})", none);
    expect_refused(check_token(unsigned_token(header, payload()) + "."), none);
    expect_refused(check_token(hs256(header, payload(), kSecret)), none);
  }
  expect_refused(check_token(hs256(R"({"typ":"JWT"})", payload(), kSecret)), "no alg");
  expect_refused(check_token(hs256(R"({"alg":5})", payload(), kSecret)), "alg is a number");
}

TEST(Jwt, refuses_hs256_signed_with_the_public_key_of_rsa) {
  const auto rsa = make_rsa();
  const JwtKeySet keys({JwtKey::from_pem(public_pem(rsa)).value()});
  std::string pem = public_pem(rsa);
  expect_refused(verify_jwt(hs256(kHeader, payload(), pem), keys, {}, kNow), "PEM");
  pem.pop_back();
  expect_refused(verify_jwt(hs256(kHeader, payload(), pem), keys, {}, kNow),
                 "PEM without its last newline");
  expect_refused(verify_jwt(hs256(kHeader, payload(), public_der(rsa)), keys, {}, kNow), "DER");
}

TEST(Jwt, refuses_an_algorithm_that_is_not_the_keys_own) {
  const auto rsa = make_rsa();
  const JwtKeySet rsa_keys({JwtKey::from_pem(public_pem(rsa)).value()});
  for (std::string_view alg : {"RS384", "RS512", "PS256", "ES256", "EdDSA", "HS256", "rs256"})
    expect_refused(verify_jwt(rs256(fmt::format(R"({{"alg":"{}"}})", alg), payload(), rsa),
                              rsa_keys, {}, kNow),
                   alg);
  expect_refused(check_token(hs256(R"({"alg":"HS512"})", payload(), kSecret)), "HS512");
}

TEST(Jwt, refuses_an_empty_or_altered_signature) {
  const std::string token = hs256(kHeader, payload(), kSecret);
  const auto dot = token.rfind('.');
  expect_refused(check_token(token.substr(0, dot + 1)), "empty");
  expect_refused(check_token(token.substr(0, token.size() - 2)), "cut");
  std::string altered = token;
  altered[dot + 1] = altered[dot + 1] == 'A' ? 'B' : 'A';
  expect_refused(check_token(altered), "altered");
  expect_refused(check_token(hs256(kHeader, payload(), "another secret of thirty-two bytes!!")),
                 "another secret");
}

TEST(Jwt, refuses_an_ecdsa_signature_of_zeros) {
  const auto p256 = make_p256();
  const JwtKeySet keys({JwtKey::from_pem(public_pem(p256)).value()});
  const auto text = unsigned_token(R"({"alg":"ES256"})", payload());
  expect_refused(verify_jwt(with_signature(text, std::string(64, '\0')), keys, {}, kNow), "r=s=0");
  expect_refused(verify_jwt(with_signature(text, std::string(63, '\0') + "\x01"), keys, {}, kNow),
                 "r=0");
  expect_refused(
      verify_jwt(with_signature(text, sign_with(p256, EVP_sha256(), text)), keys, {}, kNow), "DER");
}

TEST(Jwt, takes_kid_only_as_a_name_among_the_keys_it_has) {
  const JwtKeySet keys({JwtKey::from_secret(kSecret, "k1").value()});
  const auto with_kid = [&](std::string_view kid) {
    return verify_jwt(hs256(fmt::format(R"({{"alg":"HS256","kid":{}}})", kid), payload(), kSecret),
                      keys, {}, kNow);
  };
  EXPECT_TRUE(with_kid("\"k1\""));
  const std::string long_kid = "\"" + std::string(1'000'000, 'k') + "\"";
  const std::vector<std::string_view> kids{"\"k2\"",
                                           "\"../../../../dev/null\"",
                                           "\"' OR 1=1 --\"",
                                           "\"http://evil.example/keys\"",
                                           "7",
                                           "null",
                                           "[\"k1\"]",
                                           long_kid};
  for (const auto kid : kids) expect_refused(with_kid(kid), kid.substr(0, 40));
}

TEST(Jwt, ignores_keys_that_the_token_brings_along) {
  const auto evil = make_p256();
  const auto mine = make_p256();
  const JwtKeySet keys({JwtKey::from_pem(public_pem(mine)).value()});
  const auto jwk = fmt::format(R"({{"kty":"EC","crv":"P-256","x":"{}","y":"{}"}})",
                               text::to_base64url(number_of(evil, OSSL_PKEY_PARAM_EC_PUB_X, 32)),
                               text::to_base64url(number_of(evil, OSSL_PKEY_PARAM_EC_PUB_Y, 32)));
  for (const auto& extra :
       {fmt::format(R"("jwk":{})", jwk), std::string(R"("jku":"https://evil.example/jwks")"),
        std::string(R"("x5u":"https://evil.example/cert")"), std::string(R"("x5c":["AAAA"])")}) {
    const auto header = fmt::format(R"({{"alg":"ES256",{}}})", extra);
    expect_refused(verify_jwt(es256(header, payload(), evil), keys, {}, kNow), extra);
    EXPECT_TRUE(verify_jwt(es256(header, payload(), mine), keys, {}, kNow))
        << "ignored, not feared: " << extra;
  }
}

TEST(Jwt, refuses_critical_headers) {
  expect_refused(
      check_token(hs256(R"({"alg":"HS256","crit":["b64"],"b64":false})", payload(), kSecret)),
      "crit");
  expect_refused(check_token(hs256(R"({"alg":"HS256","crit":["exp"]})", payload(), kSecret)),
                 "crit of a known name");
}

TEST(Jwt, refuses_a_header_of_another_type) {
  for (std::string_view typ : {"\"JOSE\"", "\"secevent+jwt\"", "\"dpop+jwt\"", "1", "null"})
    expect_refused(
        check_token(hs256(fmt::format(R"({{"alg":"HS256","typ":{}}})", typ), payload(), kSecret)),
        typ);
  EXPECT_TRUE(check_token(hs256(R"({"alg":"HS256","typ":"at+JWT"})", payload(), kSecret)));
}

TEST(Jwt, refuses_anything_but_exactly_two_dots) {
  const std::string token = hs256(kHeader, payload(), kSecret);
  std::string one_dot = token;
  one_dot.erase(one_dot.find('.'), 1);
  for (const std::string& broken :
       {std::string(), std::string("."), std::string(".."), std::string("a"), one_dot, token + ".",
        "." + token, token + ".x.y"})
    expect_refused(check_token(broken), broken.substr(0, 20));
}

TEST(Jwt, refuses_a_jwe) {
  expect_refused(check_token("eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.BBBB.CCCC"),
                 "five parts");
  expect_refused(check_token(hs256(R"({"alg":"dir","enc":"A128GCM"})", payload(), kSecret)),
                 "three parts");
}

TEST(Jwt, refuses_base64_that_is_not_strict) {
  const std::string token = hs256(kHeader, payload(), kSecret);
  expect_refused(check_token(token + "="), "padding");
  expect_refused(check_token(token + "\n"), "newline");
  expect_refused(check_token(" " + token), "space");
  std::string spaced = token;
  spaced.insert(5, " ");
  expect_refused(check_token(spaced), "space inside");
  // 32 bytes are 43 characters, of which the last carries two bits that must be zero.
  std::string trailing = token;
  trailing.back() = static_cast<char>(trailing.back() + 1);
  expect_refused(check_token(trailing), "bits left over");
}

TEST(Jwt, refuses_claims_that_stand_twice) {
  const auto claims = fmt::format(R"({{"token_type":"access","exp":{},"user_id":1,"user_id":2}})",
                                  now_seconds() + 60);
  expect_refused(check_payload(claims), "user_id twice");
  expect_refused(check_token(hs256(R"({"alg":"HS256","alg":"none"})", payload(), kSecret)),
                 "alg twice");
}

TEST(Jwt, refuses_a_payload_that_is_no_object) {
  for (std::string_view text : {"", "[]", "null", "1", "\"x\"", "{", "{}x", "\xff"})
    expect_refused(check_payload(text), text);
}

TEST(Jwt, refuses_tokens_of_another_class) {
  const auto of_type = [](std::string_view type) {
    return check_payload(fmt::format(R"({{"token_type":{},"exp":{}}})", type, now_seconds() + 60));
  };
  for (std::string_view type : {"\"refresh\"", "\"socket\"", "\"Access\"", "null", "1"})
    expect_refused(of_type(type), type);
  // A VAPID token for push has an audience and an end, and no type.
  expect_refused(check_payload(fmt::format(
                     R"({{"aud":"https://push.example","exp":{},"sub":"mailto:a@example.org"}})",
                     now_seconds() + 60)),
                 "no type");
}

TEST(Jwt, checks_issuer_and_audience_where_they_are_configured) {
  const JwtPolicy policy{.issuer = "https://id.example", .audience = "indaba"};
  const auto with = [&](std::string_view rest) { return check_payload(payload(rest), policy); };
  EXPECT_TRUE(with(R"(,"iss":"https://id.example","aud":"indaba")"));
  EXPECT_TRUE(with(R"(,"iss":"https://id.example","aud":["other","indaba"])"));
  for (std::string_view rest :
       {"", R"(,"iss":"https://id.example")", R"(,"aud":"indaba")",
        R"(,"iss":"https://id.example/","aud":"indaba")",
        R"(,"iss":"https://id.example","aud":"Indaba")",
        R"(,"iss":"https://id.example","aud":["x"])", R"(,"iss":"https://id.example","aud":[])",
        R"(,"iss":["https://id.example"],"aud":"indaba")",
        R"(,"iss":"https://id.example","aud":[["indaba"]])",
        R"(,"iss":"https://id.example","aud":{"indaba":1})"})
    expect_refused(with(rest), rest);
}

TEST(Jwt, refuses_an_exp_that_is_missing_or_no_sane_number) {
  expect_refused(check_payload(R"({"token_type":"access"})"), "missing");
  for (const std::string& exp :
       {std::to_string((now_seconds() + 60) * 1000), fmt::format("\"{}\"", now_seconds() + 60),
        std::string("-1"), std::string("1e308"), std::string("1e400"), std::string("null"),
        std::string("true"), std::string("99999999999999999999"),
        fmt::format("{}.5", now_seconds() + 60), std::string("[]")})
    expect_refused(check_payload(fmt::format(R"({{"token_type":"access","exp":{}}})", exp)), exp);
}

TEST(Jwt, has_a_leeway_of_one_minute_and_not_more) {
  EXPECT_TRUE(check_payload(payload("", -59)));
  const auto expired = check_payload(payload("", -61));
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().kind, ErrorKind::unauthenticated);
  EXPECT_EQ(expired.error().code, "token_expired");
  for (std::string_view name : {"nbf", "iat"}) {
    const auto at = [&](std::int64_t offset) {
      return check_payload(fmt::format(R"({{"token_type":"access","exp":{},"{}":{}}})",
                                       now_seconds() + 900, name, now_seconds() + offset));
    };
    EXPECT_TRUE(at(59)) << name;
    expect_refused(at(61), name);
  }
}

TEST(Jwt, says_expired_only_where_the_signature_is_right) {
  expect_refused(
      check_token(hs256(kHeader, payload("", -4000), "another secret of thirty-two bytes!!")),
      "expired and forged");
  const auto refresh = fmt::format(R"({{"token_type":"refresh","exp":{}}})", now_seconds() - 4000);
  expect_refused(check_payload(refresh), "expired and of another class");
}

TEST(Jwt, refuses_a_token_over_eight_kibibytes) {
  EXPECT_TRUE(check_payload(payload(fmt::format(R"(,"x":"{}")", std::string(4000, 'x')))));
  expect_refused(check_payload(payload(fmt::format(R"(,"x":"{}")", std::string(8000, 'x')))),
                 "large");
}

TEST(Jwt, refuses_all_after_its_key_is_gone) {
  const JwtKeySet before({JwtKey::from_secret(kSecret, "old").value()});
  const JwtKeySet after(
      {JwtKey::from_secret("the new secret of thirty-two bytes!!", "new").value()});
  const auto token = hs256(R"({"alg":"HS256","kid":"old"})", payload(), kSecret);
  EXPECT_TRUE(verify_jwt(token, before, {}, kNow));
  expect_refused(verify_jwt(token, after, {}, kNow), "rotated");
  EXPECT_TRUE(before.knows("old"));
  EXPECT_FALSE(after.knows("old"));
}

TEST(Jwt, refuses_to_be_given_keys_that_prove_nothing) {
  EXPECT_FALSE(JwtKey::from_secret("short"));
  EXPECT_FALSE(JwtKey::from_secret(public_pem(make_rsa()))) << "a public key is no secret";
  EXPECT_FALSE(JwtKey::from_pem(public_pem(make_rsa(1024)))) << "too small";
  EXPECT_FALSE(JwtKey::from_pem(public_pem(make_p384()))) << "another curve";
  EXPECT_FALSE(JwtKey::from_pem("nonsense"));
}

}  // namespace
}  // namespace indaba::auth
