// The few primitives the program needs, on strings of raw bytes, so that nothing above meets
// OpenSSL or libsodium for them.
//
// Pure functions, safe on any thread. A library that fails where it cannot (out of memory) is a
// broken invariant.
#pragma once

#include "base/random.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace indaba::crypto {

inline constexpr std::size_t kSha256Bytes = 32;

// libsodium wants to be started once before its first use. Any number of calls, on any thread.
void ensure_sodium();

[[nodiscard]] std::string sha256(std::string_view bytes);
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view bytes);
// A key for one purpose out of a master key, so that no two purposes share one ("cursor", "csrf").
[[nodiscard]] std::string derive_key(std::string_view master, std::string_view purpose);

// In a time that depends on the lengths only.
[[nodiscard]] bool equal(std::string_view a, std::string_view b) noexcept;

[[nodiscard]] std::string random_bytes(Random& random, std::size_t count);
// `count` random bytes as base64url: 32 of them make a session token.
[[nodiscard]] std::string random_token(Random& random, std::size_t count);

// Authenticated encryption (XChaCha20-Poly1305) for what is kept outside, or at rest under a key
// that is not. `context` is bound to the text and not stored: sealed for one place, it opens
// nowhere else. The nonce is random and stands in front.
class Sealer {
 public:
  static constexpr std::size_t kKeyBytes = 32;

  explicit Sealer(std::string key);
  [[nodiscard]] std::string seal(Random& random, std::string_view plain,
                                 std::string_view context) const;
  // nullopt where it is not ours, was altered, or belongs to another context.
  [[nodiscard]] std::optional<std::string> open(std::string_view sealed,
                                                std::string_view context) const;

 private:
  std::string key_;
};

}  // namespace indaba::crypto
