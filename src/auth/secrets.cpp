#include "auth/secrets.hpp"

#include "base/crypto.hpp"
#include "base/text.hpp"

namespace indaba::auth {

std::string new_secret(Random& random, std::string_view prefix) {
  constexpr std::size_t kSecretBytes = 24;
  return std::string(prefix) + crypto::random_token(random, kSecretBytes);
}

std::string hash_secret(std::string_view secret) {
  return text::to_hex(crypto::sha256(secret));
}

}  // namespace indaba::auth
