#include "cluster/memory_bus.hpp"

#include <utility>

namespace indaba::cluster {

struct MemoryBroker::Subscriber {
  Executor* executor = nullptr;
  std::set<std::string, std::less<>> channels;  // guarded by the broker's mutex

  // Held while the listener is called: stop() waits for that. What follows is guarded by it.
  std::mutex calling;
  BusListener* listener = nullptr;

  std::atomic<bool> up{false};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> ups{0};

  void call(const Delivery& delivery) {
    const std::scoped_lock lock(calling);
    if (listener != nullptr) delivery(*this);
  }
  void turn(bool now) {  // in a call
    if (up.exchange(now) == now) return;
    if (now) {
      ++ups;
      listener->on_up();
    } else {
      listener->on_down();
    }
  }
};

void MemoryBroker::tell(const std::shared_ptr<Subscriber>& subscriber, Delivery delivery) {
  if (subscriber->executor == nullptr)
    direct_.push_back({subscriber, std::move(delivery)});
  else
    subscriber->executor->post(
        [subscriber, delivery = std::move(delivery)] { subscriber->call(delivery); });
}

void MemoryBroker::run_direct() {
  std::unique_lock lock(mutex_);
  if (running_) return;  // whoever does so takes ours too
  running_ = true;
  while (!direct_.empty()) {
    const auto next = std::move(direct_.front());
    direct_.pop_front();
    lock.unlock();
    next.to->call(next.delivery);
    lock.lock();
  }
  running_ = false;
}

void MemoryBroker::tell_joined(const std::shared_ptr<Subscriber>& subscriber, std::string channel) {
  tell(subscriber,
       [channel = std::move(channel)](Subscriber& self) { self.listener->on_joined(channel); });
}

void MemoryBroker::set_up(bool up) {
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(up_, up) == up) return;
    for (const auto& subscriber : subscribers_) {
      if (up)
        for (const auto& channel : subscriber->channels) tell_joined(subscriber, channel);
      tell(subscriber, [up](Subscriber& self) { self.turn(up); });
    }
  }
  run_direct();
}

void MemoryBroker::attach(const std::shared_ptr<Subscriber>& subscriber) {
  {
    const std::scoped_lock lock(mutex_);
    subscribers_.push_back(subscriber);
    if (up_) {
      for (const auto& channel : subscriber->channels) tell_joined(subscriber, channel);
      tell(subscriber, [](Subscriber& self) { self.turn(true); });
    }
  }
  run_direct();
}

void MemoryBroker::detach(const std::shared_ptr<Subscriber>& subscriber) {
  const std::scoped_lock lock(mutex_);
  std::erase(subscribers_, subscriber);
}

void MemoryBroker::join(const std::shared_ptr<Subscriber>& subscriber, std::string_view channel) {
  {
    const std::scoped_lock lock(mutex_);
    if (!subscriber->channels.emplace(channel).second || !up_) return;
    tell_joined(subscriber, std::string(channel));  // ignored where it has not started
  }
  run_direct();
}

void MemoryBroker::leave(const std::shared_ptr<Subscriber>& subscriber, std::string_view channel) {
  const std::scoped_lock lock(mutex_);
  const auto found = subscriber->channels.find(channel);
  if (found != subscriber->channels.end()) subscriber->channels.erase(found);
}

bool MemoryBroker::publish(std::string_view channel, std::string payload) {
  {
    const std::scoped_lock lock(mutex_);
    if (!up_) return false;
    const auto shared = std::make_shared<const std::string>(std::move(payload));
    for (const auto& subscriber : subscribers_) {
      if (!subscriber->channels.contains(channel)) continue;
      tell(subscriber, [name = std::string(channel), shared](Subscriber& self) {
        ++self.received;
        self.listener->on_message(name, *shared);
      });
    }
  }
  run_direct();
  return true;
}

MemoryBus::MemoryBus(MemoryBroker& broker, Executor* executor)
    : broker_(broker), self_(std::make_shared<MemoryBroker::Subscriber>()) {
  self_->executor = executor;
}

MemoryBus::~MemoryBus() {
  stop();
}

void MemoryBus::start(BusListener& listener) {
  {
    const std::scoped_lock lock(self_->calling);
    self_->listener = &listener;
  }
  broker_.attach(self_);
}

void MemoryBus::stop() {
  broker_.detach(self_);
  const std::scoped_lock lock(self_->calling);
  if (self_->listener == nullptr) return;
  self_->turn(false);
  self_->listener = nullptr;
}

void MemoryBus::join(std::string_view channel) {
  broker_.join(self_, channel);
}

void MemoryBus::leave(std::string_view channel) {
  broker_.leave(self_, channel);
}

void MemoryBus::publish(std::string_view channel, std::string payload) {
  const bool fits = payload.size() <= kMaxPayload && self_->up.load();
  ++(fits && broker_.publish(channel, std::move(payload)) ? sent_ : dropped_);
}

BusStats MemoryBus::stats() const {
  const auto ups = self_->ups.load();
  return {self_->up.load(), sent_.load(), self_->received.load(), dropped_.load(),
          ups > 0 ? ups - 1 : 0};
}

}  // namespace indaba::cluster
