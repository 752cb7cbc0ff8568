// A token from anyone: it is refused without harm, and what is accepted was signed with the key and
// says when it ends. The same bytes are also read as a key set, as a refresh token and as a
// request's cookies.
#include "auth/credentials.hpp"
#include "auth/jwks.hpp"
#include "auth/jwt.hpp"
#include "auth/sessions.hpp"
#include "base/check.hpp"
#include "base/text.hpp"

#include <cstdlib>

namespace {

using namespace indaba;

constexpr std::string_view kSecret = "the secret of the corpus, long enough";
const WallTime kNow{std::chrono::seconds{1'795'298'700}};

const auth::JwtKeySet& keys() {
  static const auth::JwtKeySet set({auth::JwtKey::from_secret(kSecret).value()});
  return set;
}

void check_token(std::string_view token) {
  const auto claims = auth::verify_jwt(token, keys(), {}, kNow);
  if (!claims) {
    check(claims.error().kind == ErrorKind::unauthenticated, "a refused token is unauthenticated");
    return;
  }
  const auto dot = token.rfind('.');
  const auto key = auth::JwtKey::from_secret(kSecret).value();
  check(text::from_base64url(token.substr(dot + 1)) == key.sign(token.substr(0, dot)),
        "an accepted token was signed");
  check(kNow <= claims->expires_at + auth::kClockLeeway, "an accepted token is not over");
  check(claims->text("token_type") == "access", "an accepted token is an access token");
}

// Signed by us around the fuzzer's payload, so that what stands behind the signature is reached
// too.
void check_payload(std::string_view payload) {
  const std::string signed_text =
      text::to_base64url(R"({"alg":"HS256"})") + "." + text::to_base64url(payload);
  check_token(signed_text + "." +
              text::to_base64url(auth::JwtKey::from_secret(kSecret).value().sign(signed_text)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_token(input);
  check_payload(input);
  static_cast<void>(auth::peek_kid(input));
  static_cast<void>(auth::parse_jwks(input, {}));
  static_cast<void>(auth::parse_refresh_token(input));
  http::Request request;
  request.headers.add("cookie", input);
  request.headers.add("authorization", input);
  request.headers.add("sec-websocket-protocol", input);
  static_cast<void>(auth::read_credentials(request));
  static_cast<void>(auth::read_socket_credentials(request));
  return 0;
}
