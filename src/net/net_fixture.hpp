// For tests of net: a loop on a thread of its own, sockets on loopback, and a protocol that writes
// down what it gets.
#pragma once

#include "base/check.hpp"
#include "net/connection.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <future>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace indaba::net {

class LoopThread {
 public:
  explicit LoopThread(int index = 0, Loop::Sending sending = Loop::Sending::calls)
      : loop(index, clock_, sending), thread_([this] { loop.run(); }) {}
  ~LoopThread() {
    loop.stop();
    thread_.join();
  }
  // Runs `work` on the loop and waits for what it returns.
  template <class F>
  auto call(F work) -> decltype(work()) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto result = task.get_future();
    loop.post([&task] { task(); });
    return result.get();
  }

 private:
  SystemClock clock_;

 public:
  Loop loop;

 private:
  std::thread thread_;
};

// The client's end: blocking, with a time limit on every read.
class ClientSocket {
 public:
  explicit ClientSocket(int fd) : fd_(fd) {}
  ClientSocket(ClientSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ClientSocket& operator=(ClientSocket&&) = delete;
  ~ClientSocket() { close(); }

  static ClientSocket connect(std::uint16_t port, int receive_buffer = 0) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0)
      ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
          "loopback connects");
    const timeval patience{10, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return ClientSocket(fd);
  }

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Up to `size` bytes; fewer where the server ends before.
  std::string read(std::size_t size) const {
    std::string got(size, '\0');
    std::size_t used = 0;
    while (used < size) {
      const auto count = ::recv(fd_, got.data() + used, size - used, 0);
      if (count <= 0) break;
      used += static_cast<std::size_t>(count);
    }
    got.resize(used);
    return got;
  }
  std::string read_to_end() const {
    std::string all;
    for (;;) {
      auto part = read(64 * 1024);
      all += part;
      if (part.size() < 64 * 1024) return all;
    }
  }
  // 0: the server has ended in order; -1: reset, or nothing for too long.
  [[nodiscard]] int read_end() const {
    char one = 0;
    return static_cast<int>(::recv(fd_, &one, 1, 0));
  }
  void finish() const { ::shutdown(fd_, SHUT_WR); }
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

struct SocketPair {
  int server;  // non-blocking, with small buffers
  ClientSocket client;
};

inline SocketPair make_pair_on_loopback(int buffers = 8 * 1024) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  check(::bind(listener, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
            ::listen(listener, 1) == 0 &&
            ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0,
        "loopback listens");
  auto client = ClientSocket::connect(ntohs(address.sin_port), buffers);
  const int server = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  ::setsockopt(server, SOL_SOCKET, SO_SNDBUF, &buffers, sizeof buffers);
  ::close(listener);
  return {server, std::move(client)};
}

// What a connection has told its protocol. Read it on the loop, or when it is over.
struct Record {
  std::string received;
  int drained = 0;
  int timers = 0;
  int closed = 0;
  std::promise<void> over;
};

class Recording final : public Protocol {
 public:
  explicit Recording(Record& record) : record_(record) {}
  void on_bytes(std::span<char> bytes) override {
    record_.received.append(bytes.data(), bytes.size());
  }
  void on_drained() override { ++record_.drained; }
  void on_timer() override { ++record_.timers; }
  void on_closed() override {
    ++record_.closed;
    record_.over.set_value();
  }

 private:
  Record& record_;
};

// Waits until something on the loop is so, without guessing how long it takes.
template <class F>
bool eventually(LoopThread& thread, F is_so) {
  for (int i = 0; i < 2'000; ++i) {
    if (thread.call(is_so)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

// Bytes that are all different from their neighbours at any distance that a mistake would move them
// by.
inline std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 12345;
  for (auto& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24U);
  }
  return bytes;
}

}  // namespace indaba::net
