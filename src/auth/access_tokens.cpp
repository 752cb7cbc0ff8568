#include "auth/access_tokens.hpp"

#include "auth/secrets.hpp"
#include "base/crypto.hpp"
#include "base/text.hpp"

namespace indaba::auth {

namespace {

constexpr std::string_view kKeepSigningKey =
    "INSERT INTO meta (key, value) VALUES ('auth.signing_key', $1) ON CONFLICT (key) DO NOTHING";
constexpr std::string_view kSigningKey = "SELECT value FROM meta WHERE key = 'auth.signing_key'";

std::int64_t to_seconds(WallTime t) {
  return to_millis(t) / 1'000;
}

std::string new_jti(Random& random) {
  return text::to_hex(crypto::random_bytes(random, 16));
}

}  // namespace

Result<TokenMint> TokenMint::make(std::string_view signing_key, const Clock& clock,
                                  Random& random) {
  INDABA_TRY(auto key, JwtKey::from_secret(signing_key));
  return TokenMint(std::move(key), clock, random);
}

boost::json::object TokenMint::claims(std::string_view type, std::chrono::seconds lifetime) const {
  const std::int64_t now = to_seconds(clock_->wall());
  return {{"token_type", type},
          {"exp", now + lifetime.count()},
          {"iat", now},
          {"jti", new_jti(*random_)}};
}

std::string TokenMint::access_token(UserId user, SessionId session) const {
  auto object = claims("access", kAccessLifetime);
  object["user_id"] = user.value;
  object["sid"] = session.value;
  return sign_jwt(object, key_);
}

std::string TokenMint::socket_token(const Principal& principal) const {
  auto object = claims("socket", kSocketTokenLifetime);
  object["user_id"] = principal.user.value;
  if (principal.session) object["sid"] = principal.session.value;
  if (principal.expires_at) object["ends_at"] = to_millis(*principal.expires_at);
  if (!principal.streams.empty()) object["streams"] = boost::json::value_from(principal.streams);
  return sign_jwt(object, key_);
}

Result<AccessClaims> TokenMint::read_access(std::string_view token) const {
  INDABA_TRY(const auto claims, verify_jwt(token, keys_, JwtPolicy{}, clock_->wall()));
  const auto user = claims.number("user_id");
  const auto session = claims.number("sid");
  if (!user || !session) return not_authenticated();
  return AccessClaims{UserId(*user), SessionId(*session)};
}

Result<SocketClaims> TokenMint::read_socket(std::string_view token) const {
  const WallTime now = clock_->wall();
  INDABA_TRY(const auto claims, verify_jwt(token, keys_, JwtPolicy{.token_type = "socket"}, now));
  const auto user = claims.number("user_id");
  const auto jti = claims.text("jti");
  if (!user || !jti) return not_authenticated();
  // Sixty seconds are sixty seconds: this one does not get the leeway of tokens that others made.
  if (now > claims.expires_at) return token_expired();
  SocketClaims socket{UserId(*user),     SessionId(claims.number("sid").value_or(0)),
                      std::string(*jti), claims.expires_at,
                      std::nullopt,      read_streams(claims.all)};
  if (const auto ends_at = claims.number("ends_at")) socket.ends_at = from_millis(*ends_at);
  return socket;
}

Result<std::string> find_or_make_signing_key(db::Session& session, Random& random) {
  const std::string fresh = new_secret(random) + new_secret(random);
  INDABA_TRY_VOID(session.execute(kKeepSigningKey, fresh));
  INDABA_TRY(const auto kept,
             session.first<std::string>(kSigningKey, [](const db::Row& r) { return r.string(0); }));
  if (!kept) return Error::internal("the signing key was not kept");
  return *kept;
}

std::vector<std::string> read_streams(const boost::json::object& claims) {
  constexpr std::size_t kMaxStreams = 64;
  constexpr std::size_t kMaxStreamName = 256;
  std::vector<std::string> names;
  const auto* streams = claims.if_contains("streams");
  if (streams == nullptr || !streams->is_array() || streams->as_array().size() > kMaxStreams)
    return names;
  for (const auto& name : streams->as_array()) {
    if (!name.is_string() || name.as_string().size() > kMaxStreamName) return {};
    names.emplace_back(name.as_string());
  }
  return names;
}

}  // namespace indaba::auth
