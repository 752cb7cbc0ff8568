#include "api/simulation/bus.hpp"

#include "cluster/wire.hpp"

namespace indaba::api::simulation {

namespace {

// The same message, from a node that is not there.
std::string under_another_name(const std::string& payload) {
  cluster::WireReader in(payload);
  cluster::WireWriter out;
  out.byte(in.byte());
  out.number(in.number() ^ 1);
  auto text = out.take();
  text.append(in.rest());
  return text;
}

}  // namespace

// --- the broker

void SimBroker::set_up(bool up) {
  if (up_ == up) return;
  world_.note(up ? "bus_up" : "bus_down");
  up_ = up;
  for (auto* bus : buses_) bus->notice_later();
}

void SimBroker::restart() {
  world_.note("bus_restart");
  for (auto* bus : buses_) {
    bus->joined_.clear();
    ++bus->connection_;
    if (bus->up_) bus->later(world_.between(0, 100), [bus] { bus->lose_connection(); });
  }
}

void SimBroker::route(const std::string& channel, const std::string& payload) {
  for (auto* bus : buses_) {
    if (!bus->joined_.contains(channel)) continue;
    if (world_.chance(weather_.lost)) {
      world_.note("lost");
      continue;
    }
    deliver(*bus, channel, payload);
    if (world_.chance(weather_.repeated)) deliver(*bus, channel, payload);
  }
}

void SimBroker::deliver(SimBus& to, const std::string& channel, const std::string& payload) {
  to.later(world_.between(0, weather_.bus_delay),
           [this, &to, channel, payload, connection = to.connection_] {
             if (up_ && to.hears_ && to.connection_ == connection) to.hear(channel, payload);
           });
}

// --- one node's side

SimBus::SimBus(World& world, SimBroker& broker, Plant plant)
    : world_(world), broker_(broker), plant_(plant) {
  broker_.buses_.push_back(this);
}

SimBus::~SimBus() {
  std::erase(broker_.buses_, this);
}

void SimBus::later(Millis delay, World::Action action) {
  world_.after(delay, [life = std::weak_ptr(life_), action = std::move(action)]() mutable {
    if (!life.expired()) action();
  });
}

void SimBus::start(cluster::BusListener& listener) {
  listener_ = &listener;
  connect_later(Millis(0));
}

void SimBus::stop() {
  if (up_) listener_->on_down();
  up_ = false;
  joined_.clear();
  ++connection_;
  listener_ = nullptr;
}

void SimBus::connect_later(Millis delay) {
  later(delay + world_.between(0, 100), [this] { connect(); });
}

void SimBus::connect() {
  if (listener_ == nullptr || up_) return;
  if (!reachable()) return connect_later(Millis(500));
  ++connection_;
  up_ = true;
  for (const auto& channel : wanted_) subscribe(channel);
  later(world_.between(0, 20), [this, connection = connection_] {
    if (connection == connection_ && up_) listener_->on_up();
  });
}

void SimBus::subscribe(const std::string& channel) {
  later(world_.between(0, 20), [this, channel, connection = connection_] {
    if (connection != connection_ || !reachable() || !wanted_.contains(channel)) return;
    joined_.insert(channel);
    later(world_.between(0, 20), [this, channel, connection] {
      if (connection == connection_ && up_ && hears_) listener_->on_joined(channel);
    });
  });
}

void SimBus::notice_later() {
  if (reachable() || !up_) return;
  later(world_.between(50, 4'000), [this, connection = connection_] {
    if (connection == connection_ && !reachable()) lose_connection();
  });
}

void SimBus::lose_connection() {
  if (!up_ || listener_ == nullptr) return;
  up_ = false;
  joined_.clear();
  ++connection_;
  listener_->on_down();
  connect_later(Millis(0));
}

void SimBus::set_links(bool hears, bool speaks) {
  hears_ = hears;
  speaks_ = speaks;
  notice_later();
}

void SimBus::join(std::string_view channel) {
  if (wanted_.emplace(channel).second && up_) subscribe(std::string(channel));
}

void SimBus::leave(std::string_view channel) {
  if (const auto found = wanted_.find(channel); found != wanted_.end()) wanted_.erase(found);
  if (const auto found = joined_.find(channel); found != joined_.end()) joined_.erase(found);
}

void SimBus::publish(std::string_view channel, std::string payload) {
  if (!up_ || !speaks_ || !broker_.up()) return;
  broker_.route(std::string(channel), payload);
  if (plant_ == Plant::own_words_as_others && joined_.contains(channel))
    broker_.deliver(*this, std::string(channel), under_another_name(payload));
}

void SimBus::hear(const std::string& channel, const std::string& payload) {
  if (listener_ != nullptr) listener_->on_message(channel, payload);
}

}  // namespace indaba::api::simulation
