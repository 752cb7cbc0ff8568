// Tokens of an existing service: Django with SimpleJWT, or any issuer of JWT whose key the operator
// configured.
//
// An external identity is (issuer, subject), and never a local user of the same number, unless the
// operator says that the numbers are the same (`auth.external_ids`). Any thread; verify() is
// awaited on an executor, for it may wait for keys to be fetched.
#pragma once

#include "auth/jwks.hpp"
#include "auth/jwt.hpp"
#include "auth/users.hpp"

#include <memory>
#include <string>
#include <vector>

namespace indaba::auth {

struct ExternalSettings {
  std::string key;                      // a secret (HS256) or a public key as PEM
  std::string jwks_url;                 // instead of a key, or beside it
  std::vector<std::string> algorithms;  // empty: what the keys are for
  std::string issuer;
  std::string audience;
  bool same_numbers = false;  // auth.external_ids

  [[nodiscard]] bool configured() const noexcept { return !key.empty() || !jwks_url.empty(); }
};

struct ExternalToken {
  ExternalIdentity identity;
  WallTime expires_at{};
  std::vector<std::string> streams;
};

class ExternalVerifier {
 public:
  // The error is a sentence for the operator. `clock` must outlive the verifier.
  [[nodiscard]] static Result<std::unique_ptr<ExternalVerifier>> make(
      ExternalSettings settings, const Clock& clock, JwksFetch fetch = blocking_fetch_jwks);

  [[nodiscard]] Task<Result<ExternalToken>> verify(std::string token);

 private:
  ExternalVerifier(ExternalSettings settings, JwtKeySet keys, std::unique_ptr<JwksSource> jwks,
                   const Clock& clock);
  [[nodiscard]] Result<ExternalToken> read(const JwtClaims& claims, WallTime now) const;

  const ExternalSettings settings_;
  const JwtPolicy policy_;
  const JwtKeySet keys_;
  const std::unique_ptr<JwksSource> jwks_;
  const Clock& clock_;
};

}  // namespace indaba::auth
