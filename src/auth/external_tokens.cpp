#include "auth/external_tokens.hpp"

#include "auth/access_tokens.hpp"
#include "base/text.hpp"

namespace indaba::auth {

namespace {

constexpr std::size_t kMaxSubjectBytes = 255;
constexpr std::size_t kMaxIssuerBytes = 512;

Error misconfigured(std::string_view key, std::string_view sentence) {
  return Error(ErrorKind::invalid, fmt::format("{}: {}", key, sentence));
}

Result<std::vector<JwtAlgorithm>> parse_algorithms(const std::vector<std::string>& names) {
  std::vector<JwtAlgorithm> out;
  for (const auto& name : names) {
    const auto algorithm = parse_jwt_algorithm(name);
    if (!algorithm)
      return misconfigured("auth.external.algorithms",
                           "use HS256, RS256, ES256 or EdDSA, not " + name);
    out.push_back(*algorithm);
  }
  return out;
}

Result<JwtKey> read_key(const std::string& text) {
  const bool pem = text.find("-----BEGIN") != std::string::npos;
  auto key = pem ? JwtKey::from_pem(text) : JwtKey::from_secret(text);
  if (!key) return misconfigured("auth.external.key", key.error().detail);
  return key;
}

// The number and the text of a number are one identity: SimpleJWT writes `user_id` as a string
// from 5.4 on.
std::optional<std::string> subject_of(const JwtClaims& claims) {
  for (std::string_view name : {"user_id", "sub"}) {
    if (const auto number = claims.number(name)) return std::to_string(*number);
    const auto text = claims.text(name);
    if (text && !text->empty() && text->size() <= kMaxSubjectBytes) return std::string(*text);
  }
  return std::nullopt;
}

}  // namespace

ExternalVerifier::ExternalVerifier(ExternalSettings settings, JwtKeySet keys,
                                   std::unique_ptr<JwksSource> jwks, const Clock& clock)
    : settings_(std::move(settings)),
      // An issuer that is no SimpleJWT has no `token_type`. Where the operator named the issuer,
      // its absence is accepted; another type than "access" never is.
      policy_{.type_required = settings_.issuer.empty(),
              .issuer = settings_.issuer,
              .audience = settings_.audience},
      keys_(std::move(keys)),
      jwks_(std::move(jwks)),
      clock_(clock) {}

Result<std::unique_ptr<ExternalVerifier>> ExternalVerifier::make(ExternalSettings settings,
                                                                 const Clock& clock,
                                                                 JwksFetch fetch) {
  INDABA_TRY(const auto allowed, parse_algorithms(settings.algorithms));
  std::vector<JwtKey> keys;
  if (!settings.key.empty()) {
    INDABA_TRY(auto key, read_key(settings.key));
    if (!allowed.empty() &&
        std::find(allowed.begin(), allowed.end(), key.algorithm()) == allowed.end())
      return misconfigured("auth.external.algorithms",
                           fmt::format("auth.external.key is for {}, which is not among them",
                                       to_string(key.algorithm())));
    keys.push_back(std::move(key));
  }
  std::unique_ptr<JwksSource> jwks;
  if (!settings.jwks_url.empty()) {
    if (const auto fine = check_jwks_url(settings.jwks_url); !fine)
      return misconfigured("auth.external.jwks_url", fine.error().detail);
    jwks = std::make_unique<JwksSource>(settings.jwks_url, allowed, clock, std::move(fetch));
  }
  return std::unique_ptr<ExternalVerifier>(new ExternalVerifier(
      std::move(settings), JwtKeySet(std::move(keys)), std::move(jwks), clock));
}

Task<Result<ExternalToken>> ExternalVerifier::verify(std::string token) {
  const auto kid = peek_kid(token);
  if (!kid) co_return not_authenticated();
  const WallTime now = clock_.wall();
  auto claims = verify_jwt(token, keys_, policy_, now);
  if (!claims && jwks_) {
    const auto fetched = co_await jwks_->keys_for(*kid);
    auto second = verify_jwt(token, *fetched, policy_, now);
    if (second || claims.error().code.empty()) claims = std::move(second);
  }
  if (!claims) co_return std::move(claims).error();
  co_return read(*claims, now);
}

Result<ExternalToken> ExternalVerifier::read(const JwtClaims& claims, WallTime now) const {
  auto subject = subject_of(claims);
  const auto issuer = claims.text("iss").value_or("");
  if (!subject || issuer.size() > kMaxIssuerBytes) return not_authenticated();
  ExternalToken token;
  if (settings_.same_numbers) {
    const auto number = text::parse_int64(*subject);
    if (!number || *number <= 0) return not_authenticated();
    token.identity.same_number = UserId(*number);
  }
  token.identity.issuer = issuer;
  token.identity.subject = *std::move(subject);
  token.identity.wished_name =
      claims.text("preferred_username").value_or(claims.text("username").value_or(""));
  // A token that is taken only thanks to the leeway ends with the leeway; any other at its `exp`.
  token.expires_at = now < claims.expires_at ? claims.expires_at : claims.expires_at + kClockLeeway;
  token.streams = read_streams(claims.all);
  return token;
}

}  // namespace indaba::auth
