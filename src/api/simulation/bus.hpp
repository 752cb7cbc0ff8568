// SimBroker and SimBus: the bus between simulated nodes. It loses, repeats, delays and reorders
// what it carries; it goes down, forgets its connections, and may be cut off from a node in one
// direction alone.
//
// As with Redis, a node notices only after a while that nothing gets through, and what was lost
// until then is lost silently; a break that is over sooner is never noticed at all.
#pragma once

#include "cluster/bus.hpp"
#include "stream/simulation/faults.hpp"
#include "stream/simulation/world.hpp"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace indaba::api::simulation {

using stream::simulation::Plant;
using stream::simulation::Weather;
using stream::simulation::World;

class SimBus;

class SimBroker {
 public:
  SimBroker(World& world, const Weather& weather) : world_(world), weather_(weather) {}

  void set_up(bool up);
  // It comes back at once, without any of its connections.
  void restart();
  [[nodiscard]] bool up() const noexcept { return up_; }

 private:
  friend class SimBus;
  void route(const std::string& channel, const std::string& payload);
  void deliver(SimBus& to, const std::string& channel, const std::string& payload);

  World& world_;
  const Weather& weather_;
  std::vector<SimBus*> buses_;
  bool up_ = true;
};

class SimBus final : public cluster::Bus {
 public:
  SimBus(World& world, SimBroker& broker, Plant plant);
  ~SimBus() override;

  void start(cluster::BusListener& listener) override;
  void stop() override;
  void join(std::string_view channel) override;
  void leave(std::string_view channel) override;
  void publish(std::string_view channel, std::string payload) override;
  [[nodiscard]] cluster::BusStats stats() const override { return {.up = up_}; }

  // The two directions of its connection.
  void set_links(bool hears, bool speaks);

 private:
  friend class SimBroker;
  [[nodiscard]] bool reachable() const noexcept { return broker_.up() && hears_ && speaks_; }
  void later(Millis delay, World::Action action);
  void connect_later(Millis delay);
  void connect();
  void subscribe(const std::string& channel);
  void notice_later();
  void lose_connection();
  void hear(const std::string& channel, const std::string& payload);

  World& world_;
  SimBroker& broker_;
  const Plant plant_;
  cluster::BusListener* listener_ = nullptr;
  std::set<std::string, std::less<>> wanted_;
  std::set<std::string, std::less<>> joined_;  // as the broker knows them
  int connection_ = 0;                         // what is on its way on an earlier one is lost
  bool up_ = false;                            // as this side believes
  bool hears_ = true;
  bool speaks_ = true;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

}  // namespace indaba::api::simulation
