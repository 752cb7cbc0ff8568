// JwtKey: one key with the one algorithm that it may be used with. The algorithm belongs to the
// key, never to the token (RFC 8725, 3.1): an RSA public key cannot be taken for an HMAC secret,
// whatever a token says.
//
// Immutable and shared; verify() is safe on any thread.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct evp_pkey_st;

namespace indaba::auth {

enum class JwtAlgorithm : std::uint8_t { hs256, rs256, es256, eddsa };
[[nodiscard]] std::string_view to_string(JwtAlgorithm algorithm) noexcept;
[[nodiscard]] std::optional<JwtAlgorithm> parse_jwt_algorithm(std::string_view name) noexcept;

inline constexpr std::size_t kMaxKidBytes = 256;  // what is longer names no key of ours

class JwtKey {
 public:
  // A secret of at least 8 bytes that is no PEM (that would be a public key used as a secret).
  [[nodiscard]] static Result<JwtKey> from_secret(std::string_view secret, std::string kid = {});
  // A public key as PEM: RSA of 2048 to 8192 bits, EC P-256 or Ed25519; the algorithm follows from
  // it.
  [[nodiscard]] static Result<JwtKey> from_pem(std::string_view pem, std::string kid = {});
  // The members of a JSON Web Key (RFC 7518, 6; RFC 8037), already decoded from base64url.
  [[nodiscard]] static Result<JwtKey> from_rsa(std::string_view n, std::string_view e,
                                               std::string kid);
  [[nodiscard]] static Result<JwtKey> from_p256(std::string_view x, std::string_view y,
                                                std::string kid);
  [[nodiscard]] static Result<JwtKey> from_ed25519(std::string_view x, std::string kid);

  [[nodiscard]] JwtAlgorithm algorithm() const noexcept { return algorithm_; }
  [[nodiscard]] const std::string& kid() const noexcept { return kid_; }
  // `signature` as it stands in a JWS: r||s for ES256.
  [[nodiscard]] bool verify(std::string_view signed_text, std::string_view signature) const;
  // HMAC-SHA256; only for keys made from a secret.
  [[nodiscard]] std::string sign(std::string_view text) const;

 private:
  JwtKey(JwtAlgorithm algorithm, std::string kid) : algorithm_(algorithm), kid_(std::move(kid)) {}
  [[nodiscard]] static Result<JwtKey> from_pkey(std::shared_ptr<evp_pkey_st> pkey, std::string kid);

  JwtAlgorithm algorithm_;
  std::string kid_;
  std::string secret_;
  std::shared_ptr<evp_pkey_st> pkey_;
};

// The keys that one issuer's tokens may be signed with. Bounded: what a JWKS holds beyond is left
// out.
class JwtKeySet {
 public:
  static constexpr std::size_t kMaxKeys = 32;

  JwtKeySet() = default;
  explicit JwtKeySet(std::vector<JwtKey> keys);
  // Keys that may have signed a token with this header. A key without a kid fits every token of its
  // algorithm; a token without a kid fits every key of its algorithm.
  [[nodiscard]] std::vector<const JwtKey*> candidates(JwtAlgorithm algorithm,
                                                      std::string_view kid) const;
  [[nodiscard]] bool knows(std::string_view kid) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }

 private:
  std::vector<JwtKey> keys_;
};

}  // namespace indaba::auth
