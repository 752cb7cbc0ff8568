// JSON Web Tokens (RFC 7515, 7519; checks of RFC 8725), as Django SimpleJWT makes them.
//
// Everything in a token is a stranger's word until the signature is right: the algorithm comes from
// the key, `kid` only picks among the keys that we have, `jku`, `x5u`, `x5c` and `jwk` are ignored,
// and `crit` is refused. All failures are one and the same `unauthenticated`; only a token whose
// signature is right and whose time is over says so (`token_expired`).
//
// Pure functions; time is a parameter.
#pragma once

#include "auth/jwt_key.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

#include <boost/json.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace indaba::auth {

inline constexpr std::size_t kMaxTokenBytes = 8 * 1024;
// One leeway for clocks everywhere.
inline constexpr std::chrono::seconds kClockLeeway{60};

struct JwtPolicy {
  std::string token_type = "access";  // what the `token_type` claim must be
  bool type_required = true;          // false: it may be absent
  std::string issuer;                 // empty: not checked
  std::string audience;               // must be `aud` or one of it; empty: not checked
};

struct JwtClaims {
  boost::json::object all;
  WallTime expires_at{};

  // A claim that is a string; nullopt where it is absent or something else.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const noexcept;
  // A positive whole number below 2^53, also where it is written as a string (SimpleJWT from 5.4
  // on).
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view name) const noexcept;
};

[[nodiscard]] Error not_authenticated();
[[nodiscard]] Error token_expired();

[[nodiscard]] Result<JwtClaims> verify_jwt(std::string_view token, const JwtKeySet& keys,
                                           const JwtPolicy& policy, WallTime now);

// The `kid` that a token names, unverified: only to decide whether keys should be fetched again.
// Empty where there is none; nullopt where this is no token at all.
[[nodiscard]] std::optional<std::string> peek_kid(std::string_view token);

// Has `text` the shape of a JWS (two dots)? Then it is no opaque token of ours.
[[nodiscard]] bool looks_like_jwt(std::string_view text) noexcept;

// HS256, with a key made from a secret. `claims` as they are.
[[nodiscard]] std::string sign_jwt(const boost::json::object& claims, const JwtKey& key);

}  // namespace indaba::auth
