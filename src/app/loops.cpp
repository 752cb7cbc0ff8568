#include "app/loops.hpp"

#include "base/check.hpp"

#include <future>

namespace indaba::app {

Loops::Loops(unsigned count, const Clock& clock, net::Loop::Sending sending) {
  for (unsigned i = 0; i < count; ++i)
    loops_.push_back(std::make_unique<net::Loop>(static_cast<int>(i), clock, sending));
}

void Loops::start() {
  for (const auto& loop : loops_) threads_.emplace_back([&loop = *loop] { loop.run(); });
}

void Loops::stop() {
  for (const auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

std::vector<net::Loop*> Loops::all() const {
  std::vector<net::Loop*> all;
  for (const auto& loop : loops_) all.push_back(loop.get());
  return all;
}

void Loops::run_on(net::Loop& loop, Executor::Work work) {
  check(Executor::current() == nullptr, "a loop does not wait for a loop");
  std::promise<void> done;
  loop.post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace indaba::app
