#include "base/crypto.hpp"

#include "base/check.hpp"
#include "base/text.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <limits>
#include <span>

namespace indaba::crypto {
namespace {

constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(Sealer::kKeyBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

// C libraries speak of bytes, we of text.
const unsigned char* in(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}
unsigned char* out(std::string& s) {
  return reinterpret_cast<unsigned char*>(s.data());
}

}  // namespace

void ensure_sodium() {
  static const bool ready = sodium_init() >= 0;
  check(ready, "libsodium must start, or nothing here is random");
}

std::string sha256(std::string_view bytes) {
  std::string digest(kSha256Bytes, '\0');
  check(EVP_Digest(bytes.data(), bytes.size(), out(digest), nullptr, EVP_sha256(), nullptr) == 1,
        "SHA-256 of bytes in memory cannot fail");
  return digest;
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  check(key.size() <= std::numeric_limits<int>::max(), "a key must be of a sane length");
  std::string code(kSha256Bytes, '\0');
  unsigned size = 0;
  // A null pointer would mean "the key of the last call": an empty key needs an address too.
  const char* address = key.empty() ? "" : key.data();
  check(HMAC(EVP_sha256(), address, static_cast<int>(key.size()), in(bytes), bytes.size(),
             out(code), &size) != nullptr &&
            size == kSha256Bytes,
        "HMAC-SHA-256 of bytes in memory cannot fail");
  return code;
}

std::string derive_key(std::string_view master, std::string_view purpose) {
  return hmac_sha256(master, purpose);
}

bool equal(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string random_bytes(Random& random, std::size_t count) {
  std::string bytes(count, '\0');
  random.fill(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

std::string random_token(Random& random, std::size_t count) {
  return text::to_base64url(random_bytes(random, count));
}

Sealer::Sealer(std::string key) : key_(std::move(key)) {
  ensure_sodium();
  check(key_.size() == kKeyBytes, "a sealing key must be 32 bytes long");
}

std::string Sealer::seal(Random& random, std::string_view plain, std::string_view context) const {
  std::string sealed = random_bytes(random, kNonceBytes);
  sealed.resize(kNonceBytes + plain.size() + kTagBytes);
  unsigned char* const nonce = out(sealed);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + kNonceBytes, nullptr, in(plain), plain.size(),
                                             in(context), context.size(), nullptr, nonce, in(key_));
  return sealed;
}

std::optional<std::string> Sealer::open(std::string_view sealed, std::string_view context) const {
  if (sealed.size() < kNonceBytes + kTagBytes) return std::nullopt;
  const std::string_view nonce = sealed.substr(0, kNonceBytes);
  const std::string_view cipher = sealed.substr(kNonceBytes);
  std::string plain(cipher.size() - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(out(plain), nullptr, nullptr, in(cipher),
                                                 cipher.size(), in(context), context.size(),
                                                 in(nonce), in(key_)) != 0)
    return std::nullopt;
  return plain;
}

}  // namespace indaba::crypto
