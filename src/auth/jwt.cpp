#include "auth/jwt.hpp"

#include "base/json.hpp"
#include "base/text.hpp"

#include <cmath>

namespace indaba::auth {

namespace {

// The year 9999: beyond it stand times in milliseconds and nonsense.
constexpr std::int64_t kMaxSeconds = 253'402'300'799;
constexpr std::int64_t kMaxNumber = std::int64_t{1} << 53;

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  // header.payload
};

std::optional<Parts> split_token(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return std::nullopt;
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1), token.substr(0, second)};
}

std::optional<boost::json::object> parse_part(std::string_view encoded) {
  const auto bytes = text::from_base64url(encoded);
  if (!bytes) return std::nullopt;
  auto value = json::parse(*bytes);  // refuses duplicate members
  if (!value || !value->is_object()) return std::nullopt;
  return std::move(value->as_object());
}

struct Header {
  JwtAlgorithm algorithm;
  std::string kid;
};

std::optional<Header> read_header(std::string_view encoded) {
  const auto object = parse_part(encoded);
  if (!object) return std::nullopt;
  if (object->contains("crit") || object->contains("b64")) return std::nullopt;
  const auto* alg = object->if_contains("alg");
  if (alg == nullptr || !alg->is_string()) return std::nullopt;
  const auto algorithm = parse_jwt_algorithm(std::string_view(alg->as_string()));
  if (!algorithm) return std::nullopt;
  if (const auto* typ = object->if_contains("typ")) {
    if (!typ->is_string()) return std::nullopt;
    const std::string_view name(typ->as_string());
    if (!text::equal_ignoring_case(name, "JWT") && !text::equal_ignoring_case(name, "at+jwt"))
      return std::nullopt;
  }
  Header header{*algorithm, {}};
  if (const auto* kid = object->if_contains("kid")) {
    if (!kid->is_string() || kid->as_string().size() > kMaxKidBytes) return std::nullopt;
    header.kid = std::string_view(kid->as_string());
  }
  return header;
}

std::optional<std::int64_t> whole_seconds(const boost::json::value& value) {
  if (value.is_int64() && value.as_int64() >= 0 && value.as_int64() <= kMaxSeconds)
    return value.as_int64();
  return std::nullopt;
}

// `iat` and `nbf`: some issuers write them with a fraction.
std::optional<WallTime> moment(const boost::json::value& value) {
  if (const auto seconds = whole_seconds(value)) return WallTime(std::chrono::seconds(*seconds));
  if (value.is_double() && value.as_double() >= 0 &&
      value.as_double() <= static_cast<double>(kMaxSeconds))
    return from_millis(static_cast<std::int64_t>(std::floor(value.as_double() * 1000)));
  return std::nullopt;
}

bool begun(const boost::json::object& claims, std::string_view name, WallTime now) {
  const auto* value = claims.if_contains(name);
  if (value == nullptr) return true;
  const auto when = moment(*value);
  return when && *when <= now + kClockLeeway;
}

bool audience_fits(const boost::json::object& claims, std::string_view wanted) {
  const auto* aud = claims.if_contains("aud");
  if (aud == nullptr) return false;
  const auto is_wanted = [&](const boost::json::value& v) {
    return v.is_string() && v.as_string() == wanted;
  };
  if (aud->is_array())
    return std::any_of(aud->as_array().begin(), aud->as_array().end(), is_wanted);
  return is_wanted(*aud);
}

bool claim_is(const boost::json::object& claims, std::string_view name, std::string_view wanted) {
  const auto* value = claims.if_contains(name);
  return value != nullptr && value->is_string() && value->as_string() == wanted;
}

Result<JwtClaims> check_claims(boost::json::object claims, const JwtPolicy& policy, WallTime now) {
  const bool typed = policy.type_required || claims.contains("token_type");
  if (typed && !claim_is(claims, "token_type", policy.token_type)) return not_authenticated();
  if (!policy.issuer.empty() && !claim_is(claims, "iss", policy.issuer)) return not_authenticated();
  if (!policy.audience.empty() && !audience_fits(claims, policy.audience))
    return not_authenticated();
  if (!begun(claims, "nbf", now) || !begun(claims, "iat", now)) return not_authenticated();
  const auto* exp = claims.if_contains("exp");
  const auto seconds = exp != nullptr ? whole_seconds(*exp) : std::nullopt;
  if (!seconds) return not_authenticated();
  const WallTime expires_at{std::chrono::seconds(*seconds)};
  if (now > expires_at + kClockLeeway) return token_expired();
  return JwtClaims{std::move(claims), expires_at};
}

}  // namespace

std::optional<std::string_view> JwtClaims::text(std::string_view name) const noexcept {
  const auto* value = all.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string_view(value->as_string());
}

std::optional<std::int64_t> JwtClaims::number(std::string_view name) const noexcept {
  const auto* value = all.if_contains(name);
  if (value == nullptr) return std::nullopt;
  std::optional<std::int64_t> number;
  if (value->is_int64()) number = value->as_int64();
  if (value->is_string()) number = text::parse_int64(std::string_view(value->as_string()));
  if (!number || *number <= 0 || *number >= kMaxNumber) return std::nullopt;
  return number;
}

Error not_authenticated() {
  return Error(ErrorKind::unauthenticated, "The credentials are not valid.");
}

Error token_expired() {
  return Error(ErrorKind::unauthenticated, "token_expired", "The token has expired.");
}

Result<JwtClaims> verify_jwt(std::string_view token, const JwtKeySet& keys, const JwtPolicy& policy,
                             WallTime now) {
  const auto parts = split_token(token);
  if (!parts) return not_authenticated();
  const auto header = read_header(parts->header);
  const auto signature = text::from_base64url(parts->signature);
  if (!header || !signature || signature->empty()) return not_authenticated();
  const auto candidates = keys.candidates(header->algorithm, header->kid);
  const bool right = std::any_of(candidates.begin(), candidates.end(), [&](const JwtKey* key) {
    return key->verify(parts->signed_text, *signature);
  });
  if (!right) return not_authenticated();
  auto claims = parse_part(parts->payload);
  if (!claims) return not_authenticated();
  return check_claims(*std::move(claims), policy, now);
}

std::optional<std::string> peek_kid(std::string_view token) {
  const auto parts = split_token(token);
  if (!parts) return std::nullopt;
  auto header = read_header(parts->header);
  if (!header) return std::nullopt;
  return std::move(header->kid);
}

bool looks_like_jwt(std::string_view text) noexcept {
  return std::count(text.begin(), text.end(), '.') == 2;
}

std::string sign_jwt(const boost::json::object& claims, const JwtKey& key) {
  boost::json::object header{{"alg", to_string(key.algorithm())}, {"typ", "JWT"}};
  if (!key.kid().empty()) header["kid"] = key.kid();
  std::string token = text::to_base64url(boost::json::serialize(header));
  token += '.';
  token += text::to_base64url(boost::json::serialize(claims));
  const std::string signature = key.sign(token);
  token += '.';
  token += text::to_base64url(signature);
  return token;
}

}  // namespace indaba::auth
