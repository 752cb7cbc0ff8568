// Loops: the threads that serve connections, one event loop each.
#pragma once

#include "base/clock.hpp"
#include "net/loop.hpp"

#include <memory>
#include <thread>
#include <vector>

namespace indaba::app {

class Loops {
 public:
  Loops(unsigned count, const Clock& clock, net::Loop::Sending sending);
  ~Loops() { stop(); }
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  void start();
  void stop();  // waits for the threads; what was posted before still runs
  [[nodiscard]] net::Loop& first() noexcept { return *loops_.front(); }
  [[nodiscard]] std::vector<net::Loop*> all() const;
  // Runs `work` on a loop and waits for it. Not from a loop.
  static void run_on(net::Loop& loop, Executor::Work work);

 private:
  std::vector<std::unique_ptr<net::Loop>> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace indaba::app
