// Key pairs and signatures for tests: what an issuer would have. Never part of the program.
#pragma once

#include "base/text.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>
#include <string_view>

namespace indaba::auth::testing {

using PrivateKey = std::shared_ptr<EVP_PKEY>;

inline PrivateKey make_rsa(unsigned bits = 2048) {
  return {EVP_RSA_gen(bits), EVP_PKEY_free};
}
inline PrivateKey make_p256() {
  return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}
inline PrivateKey make_p384() {
  return {EVP_EC_gen("P-384"), EVP_PKEY_free};
}
inline PrivateKey make_ed25519() {
  return {EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free};
}

inline std::string public_pem(const PrivateKey& key) {
  std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
  PEM_write_bio_PUBKEY(bio.get(), key.get());
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(length)};
}

inline std::string public_der(const PrivateKey& key) {
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key.get(), &der);
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return out;
}

inline std::string number_of(const PrivateKey& key, const char* name, std::size_t pad_to = 0) {
  BIGNUM* n = nullptr;
  EVP_PKEY_get_bn_param(key.get(), name, &n);
  const auto size = pad_to != 0 ? pad_to : static_cast<std::size_t>(BN_num_bytes(n));
  std::string out(size, '\0');
  BN_bn2binpad(n, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(size));
  BN_free(n);
  return out;
}

inline std::string raw_ed25519(const PrivateKey& key) {
  std::string out(32, '\0');
  std::size_t length = out.size();
  EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(out.data()), &length);
  return out;
}

inline std::string der_to_raw_ecdsa(std::string_view der) {
  const auto* p = reinterpret_cast<const unsigned char*>(der.data());
  std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> sig(
      d2i_ECDSA_SIG(nullptr, &p, static_cast<long>(der.size())), ECDSA_SIG_free);
  std::string out(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(sig.get()), reinterpret_cast<unsigned char*>(out.data()), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(sig.get()), reinterpret_cast<unsigned char*>(out.data()) + 32, 32);
  return out;
}

inline std::string sign_with(const PrivateKey& key, const EVP_MD* digest, std::string_view text) {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                  EVP_MD_CTX_free);
  EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key.get());
  std::size_t length = 1024;
  std::string out(length, '\0');
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length,
                 reinterpret_cast<const unsigned char*>(text.data()), text.size());
  out.resize(length);
  return out;
}

inline std::string hmac_with(std::string_view secret, std::string_view text) {
  std::string out(32, '\0');
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(out.data()), &length);
  return out;
}

inline std::string unsigned_token(std::string_view header, std::string_view payload) {
  return text::to_base64url(header) + "." + text::to_base64url(payload);
}
inline std::string with_signature(const std::string& signed_text, std::string_view signature) {
  return signed_text + "." + text::to_base64url(signature);
}
inline std::string hs256(std::string_view header, std::string_view payload,
                         std::string_view secret) {
  const auto text = unsigned_token(header, payload);
  return with_signature(text, hmac_with(secret, text));
}
inline std::string rs256(std::string_view header, std::string_view payload, const PrivateKey& key) {
  const auto text = unsigned_token(header, payload);
  return with_signature(text, sign_with(key, EVP_sha256(), text));
}
inline std::string es256(std::string_view header, std::string_view payload, const PrivateKey& key) {
  const auto text = unsigned_token(header, payload);
  return with_signature(text, der_to_raw_ecdsa(sign_with(key, EVP_sha256(), text)));
}
inline std::string eddsa(std::string_view header, std::string_view payload, const PrivateKey& key) {
  const auto text = unsigned_token(header, payload);
  return with_signature(text, sign_with(key, nullptr, text));
}

}  // namespace indaba::auth::testing
