// Poller: epoll for the one thread of a client process.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <time.h>

namespace indaba::bench {

// Nanoseconds of the machine's steady clock: the same in all processes, so that one can tell how
// long ago another one sent something.
[[nodiscard]] inline std::int64_t now_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class Pollable {
 public:
  virtual ~Pollable() = default;
  virtual void on_ready(std::uint32_t events) = 0;
};

class Poller {
 public:
  Poller();  // throws std::system_error
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // False with errno: too many descriptors.
  bool add(int fd, std::uint32_t events, Pollable& who);
  // Wakes up for the first event, or within microseconds of the time given. `between` runs after
  // every few events, so that what is due is not late behind a long batch.
  void wait(std::chrono::nanoseconds longest, const std::function<void()>& between);

 private:
  int epoll_;
};

}  // namespace indaba::bench
