// TLS on one connection, and the certificate that all connections share.
//
// TlsContext is safe on any thread; reload() swaps the certificate for connections that come later.
// TlsStream lives on its connection's loop and works on the connection's own non-blocking
// descriptor.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace indaba::net {

enum class IoState : unsigned char { done, want_read, want_write, closed };
struct IoResult {
  IoState state = IoState::done;
  std::size_t bytes = 0;
};

class TlsStream {
 public:
  TlsStream(SSL* ssl, int fd);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Both run the handshake first, as far as the peer has come.
  [[nodiscard]] IoResult read(std::span<char> into);
  [[nodiscard]] IoResult write(std::span<const char> bytes);
  // It has read bytes from the socket that read() has not returned.
  [[nodiscard]] bool holds_bytes() const noexcept;
  void say_goodbye() noexcept;  // close_notify, as far as it goes without waiting

 private:
  [[nodiscard]] IoResult outcome(int returned) const;
  SSL* ssl_;
};

class TlsContext {
 public:
  // TLS 1.2 and 1.3, forward secrecy only (Mozilla "intermediate").
  static Result<std::unique_ptr<TlsContext>> load(std::string cert_file, std::string key_file);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  Result<void> reload();
  [[nodiscard]] std::unique_ptr<TlsStream> accept(int fd);

 private:
  TlsContext(std::string cert_file, std::string key_file);

  const std::string cert_file_;
  const std::string key_file_;
  std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;  // guarded by mutex_
};

}  // namespace indaba::net
