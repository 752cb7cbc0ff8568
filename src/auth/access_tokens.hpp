// The tokens that we sign ourselves: access tokens with the claims of Django's SimpleJWT, and
// socket tokens.
//
// Signed with a key of our own (`auth.signing_key`), never with Django's: a token is ours only if
// it also names a session, so that not even a shared key could make one into the other. Immutable;
// any thread.
#pragma once

#include "auth/jwt.hpp"
#include "auth/principal.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "db/database.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::auth {

inline constexpr std::chrono::seconds kAccessLifetime = std::chrono::minutes(10);
inline constexpr std::chrono::seconds kSocketTokenLifetime{60};

struct AccessClaims {
  UserId user;
  SessionId session;
};

// What a socket token carries over from the credentials that it was made with.
struct SocketClaims {
  UserId user;
  SessionId session;  // none: made with an external token
  std::string jti;
  WallTime token_expires_at{};
  std::optional<WallTime> ends_at;  // of the external token
  std::vector<std::string> streams;
};

class TokenMint {
 public:
  // `clock` and `random` must outlive the mint. The error is a sentence for the operator.
  [[nodiscard]] static Result<TokenMint> make(std::string_view signing_key, const Clock& clock,
                                              Random& random);

  [[nodiscard]] std::string access_token(UserId user, SessionId session) const;
  [[nodiscard]] std::string socket_token(const Principal& principal) const;
  [[nodiscard]] Result<AccessClaims> read_access(std::string_view token) const;
  [[nodiscard]] Result<SocketClaims> read_socket(std::string_view token) const;

 private:
  TokenMint(JwtKey key, const Clock& clock, Random& random)
      : key_(std::move(key)), keys_({key_}), clock_(&clock), random_(&random) {}
  [[nodiscard]] boost::json::object claims(std::string_view type,
                                           std::chrono::seconds lifetime) const;

  JwtKey key_;
  JwtKeySet keys_;
  const Clock* clock_;
  Random* random_;
};

// The signing key that all nodes share: made on first start, kept in the database. Inside a write.
[[nodiscard]] Result<std::string> find_or_make_signing_key(db::Session& session, Random& random);

// The names in a token's `streams` claim; nothing where it is no array of sane strings.
[[nodiscard]] std::vector<std::string> read_streams(const boost::json::object& claims);

}  // namespace indaba::auth
