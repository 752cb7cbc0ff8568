// Listener: takes new connections and hands each to the loop with the fewest.
//
// Lives on one loop. When the process runs out of descriptors it pauses for a moment instead of
// spinning on a socket that stays readable.
#pragma once

#include "base/log.hpp"
#include "base/result.hpp"
#include "net/connection.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace indaba::net {

struct Endpoint {
  std::string host;  // an address, or a name that resolves to one
  std::uint16_t port = 0;
};
// "127.0.0.1:8080", "[::1]:8080", ":8080" (all addresses).
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text);

// A bound, listening socket, before any loop runs; closes what nobody took.
class ListeningSocket {
 public:
  // `unavailable` where the port is taken (the message names the next free one), `forbidden` where
  // it needs more rights.
  static Result<ListeningSocket> open(const Endpoint& endpoint);
  ListeningSocket(ListeningSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), port_(other.port_) {}
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ~ListeningSocket();
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  ListeningSocket(int fd, std::uint16_t port) : fd_(fd), port_(port) {}
  int fd_;
  std::uint16_t port_;
};

class Listener final : public Pollable {
 public:
  // Gives a new connection its first protocol, on the connection's own loop.
  using OnConnection = std::function<void(Connection&)>;

  struct Options {
    int send_buffer_bytes =
        64 * 1024;  // SO_SNDBUF: what the kernel may hold for a reader that does not read
    TlsContext* tls = nullptr;  // outlives the listener
  };

  Listener(Loop& loop, std::vector<Loop*> loops, ListeningSocket socket, Options options,
           OnConnection on_connection, Logger& log);
  ~Listener() override;

  void start();  // on its loop
  void stop();   // on its loop: no new connections

 private:
  void on_ready(std::uint32_t epoll_events) override;
  void pause();
  [[nodiscard]] std::size_t least_loaded() const;  // its place in loops_
  void hand_over(int fd, std::string peer_address);

  Loop& loop_;
  std::vector<Loop*> loops_;
  int fd_;
  Options options_;
  OnConnection on_connection_;
  Logger& log_;
  std::vector<std::unique_ptr<std::atomic<int>>>
      in_flight_;  // handed over, not yet counted by the loop
  bool accepting_ = false;
};

}  // namespace indaba::net
