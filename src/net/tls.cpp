#include "net/tls.hpp"

#include <algorithm>
#include <limits>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace indaba::net {

namespace {

std::string openssl_reason() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

// HTTP/1.1 is all that stands behind; a client that offers only others gets no ALPN answer and
// decides for itself.
int select_http1(SSL*, const unsigned char** out, unsigned char* out_length,
                 const unsigned char* in, unsigned int in_length, void*) {
  static constexpr unsigned char kHttp1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_length, kHttp1, sizeof kHttp1, in, in_length) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

Result<std::shared_ptr<SSL_CTX>> make_context(const std::string& cert, const std::string& key) {
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return Error::internal("TLS: " + openssl_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context.get(), select_http1, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context.get(), cert.c_str()) != 1)
    return Error(ErrorKind::invalid,
                 "tls.cert: cannot read a certificate from '" + cert + "': " + openssl_reason());
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
    return Error(ErrorKind::invalid,
                 "tls.key: cannot read a private key from '" + key + "': " + openssl_reason());
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return Error(ErrorKind::invalid, "tls.key does not belong to tls.cert: " + openssl_reason());
  return context;
}

}  // namespace

TlsStream::TlsStream(SSL* ssl, int fd) : ssl_(ssl) {
  SSL_set_fd(ssl_, fd);
  SSL_set_accept_state(ssl_);
}

TlsStream::~TlsStream() {
  SSL_free(ssl_);
}

IoResult TlsStream::outcome(int returned) const {
  if (returned > 0) return {IoState::done, static_cast<std::size_t>(returned)};
  const int reason = SSL_get_error(ssl_, returned);
  // The error queue is the thread's: what one connection leaves there, the next one would read.
  ERR_clear_error();
  if (reason == SSL_ERROR_WANT_READ) return {IoState::want_read, 0};
  if (reason == SSL_ERROR_WANT_WRITE) return {IoState::want_write, 0};
  return {IoState::closed, 0};
}

IoResult TlsStream::read(std::span<char> into) {
  return outcome(SSL_read(ssl_, into.data(), static_cast<int>(into.size())));
}

IoResult TlsStream::write(std::span<const char> bytes) {
  const auto size = std::min<std::size_t>(bytes.size(), std::numeric_limits<int>::max());
  return outcome(SSL_write(ssl_, bytes.data(), static_cast<int>(size)));
}

bool TlsStream::holds_bytes() const noexcept {
  return SSL_has_pending(ssl_) == 1;
}

void TlsStream::say_goodbye() noexcept {
  if (SSL_is_init_finished(ssl_) == 1) SSL_shutdown(ssl_);
  ERR_clear_error();
}

TlsContext::TlsContext(std::string cert_file, std::string key_file)
    : cert_file_(std::move(cert_file)), key_file_(std::move(key_file)) {}

TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::load(std::string cert_file, std::string key_file) {
  std::unique_ptr<TlsContext> tls(new TlsContext(std::move(cert_file), std::move(key_file)));
  INDABA_TRY_VOID(tls->reload());
  return tls;
}

Result<void> TlsContext::reload() {
  INDABA_TRY(auto fresh, make_context(cert_file_, key_file_));
  const std::scoped_lock lock(mutex_);
  context_ = std::move(fresh);
  return {};
}

std::unique_ptr<TlsStream> TlsContext::accept(int fd) {
  const std::scoped_lock lock(mutex_);
  SSL* ssl = SSL_new(context_.get());
  return ssl == nullptr ? nullptr : std::make_unique<TlsStream>(ssl, fd);
}

}  // namespace indaba::net
