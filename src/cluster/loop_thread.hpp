// LoopThread: a loop on a thread of its own, for what may not disturb the loops that serve
// connections.
#pragma once

#include "net/loop.hpp"

#include <thread>

namespace indaba::cluster {

class LoopThread {
 public:
  explicit LoopThread(const Clock& clock) : loop_(-1, clock) {}
  ~LoopThread() { stop(); }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  void start() {
    thread_ = std::thread([this] { loop_.run(); });
  }
  void stop() {  // what was posted before still runs; waits for the end
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
  }
  [[nodiscard]] net::Loop& loop() noexcept { return loop_; }
  [[nodiscard]] const net::Loop& loop() const noexcept { return loop_; }

 private:
  net::Loop loop_;
  std::thread thread_;
};

}  // namespace indaba::cluster
