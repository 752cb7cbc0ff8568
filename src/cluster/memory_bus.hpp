// MemoryBus: the bus within one process, for tests and simulation. Buses of one broker hear each
// other; nothing is lost unless the broker is told to lose.
//
// With an executor, the listener is called on it; without, at once, by whoever publishes (what a
// listener publishes then follows, it never nests). Any thread.
#pragma once

#include "base/executor.hpp"
#include "cluster/bus.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <vector>

namespace indaba::cluster {

class MemoryBus;

class MemoryBroker {
 public:
  // Down: nothing goes through, and every bus hears of it. Up at the beginning.
  void set_up(bool up);

 private:
  friend class MemoryBus;
  struct Subscriber;  // a bus's side of it
  using Delivery = std::function<void(Subscriber&)>;
  struct Posted {
    std::shared_ptr<Subscriber> to;
    Delivery delivery;
  };

  void attach(const std::shared_ptr<Subscriber>& subscriber);
  void detach(const std::shared_ptr<Subscriber>& subscriber);
  void join(const std::shared_ptr<Subscriber>& subscriber, std::string_view channel);
  void leave(const std::shared_ptr<Subscriber>& subscriber, std::string_view channel);
  bool publish(std::string_view channel, std::string payload);
  // With the lock held:
  void tell(const std::shared_ptr<Subscriber>& subscriber, Delivery delivery);
  void tell_joined(const std::shared_ptr<Subscriber>& subscriber, std::string channel);
  void run_direct();

  mutable std::mutex mutex_;
  bool up_ = true;
  std::vector<std::shared_ptr<Subscriber>> subscribers_;
  std::deque<Posted> direct_;  // what waits to be handed over at once
  bool running_ = false;       // somebody does so
};

class MemoryBus final : public Bus {
 public:
  // The broker and the executor outlive the bus.
  explicit MemoryBus(MemoryBroker& broker, Executor* executor = nullptr);
  ~MemoryBus() override;

  void start(BusListener& listener) override;
  void stop() override;
  void join(std::string_view channel) override;
  void leave(std::string_view channel) override;
  void publish(std::string_view channel, std::string payload) override;
  [[nodiscard]] BusStats stats() const override;

 private:
  MemoryBroker& broker_;
  std::shared_ptr<MemoryBroker::Subscriber> self_;
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace indaba::cluster
