// Poller: epoll, level-triggered, for the one thread of the load client.
#pragma once

#include <chrono>
#include <cstdint>

namespace indaba::loadtool {

using SteadyClock = std::chrono::steady_clock;

class Pollable {
 public:
  virtual ~Pollable() = default;
  virtual void on_ready(std::uint32_t events) = 0;
};

class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void add(int fd, std::uint32_t events, Pollable& who);
  void change(int fd, std::uint32_t events, Pollable& who);
  void remove(int fd);
  void wait(std::chrono::milliseconds longest);

 private:
  int epoll_;
};

// A socket that is connecting to host:port, non-blocking; -1 with errno. `receive_buffer` 0 leaves
// the kernel's default.
int connect_to(const char* host, std::uint16_t port, int receive_buffer);

}  // namespace indaba::loadtool
