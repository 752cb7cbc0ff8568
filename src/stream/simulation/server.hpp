// Server: one life of the process, from a start to a crash: the real Hub and its loops, and a
// session for each client.
//
// Bus stands between the log and the hub, where notifications may be lost, repeated or late, as
// from another node; repair() compares heads, as a cluster does from time to time.
#pragma once

#include "stream/hub.hpp"
#include "stream/simulation/model_store.hpp"
#include "stream/simulation/model_writer.hpp"
#include "stream/simulation/session.hpp"

#include <list>
#include <map>
#include <memory>
#include <vector>

namespace indaba::stream::simulation {

class Bus final : public CommitListener {
 public:
  Bus(World& world, Hub& hub, const Weather& weather, Plant plant)
      : world_(world), hub_(hub), weather_(weather), plant_(plant) {}
  void on_committed(std::span<const EventPtr> events) override;

 private:
  void pass_on(EventPtr event);
  [[nodiscard]] EventPtr renumbered(const EventPtr& event);

  World& world_;
  Hub& hub_;
  const Weather& weather_;
  const Plant plant_;
  std::map<StreamId, Seq> heard_;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

class Server final : public Host {
 public:
  Server(World& world, ModelLog& log, const Weather& weather, Plant plant, std::size_t loops);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void connect(const std::shared_ptr<Link>& link) override;
  void forget(const Session* session) override;
  void repair(StreamId stream);
  void sweep();
  [[nodiscard]] Hub& hub() noexcept { return hub_; }
  [[nodiscard]] ModelWriter& writer() noexcept { return writer_; }

 private:
  World& world_;
  ModelLog& log_;
  const Plant plant_;
  std::vector<std::unique_ptr<SimLoop>> loops_;
  ModelStore store_;
  Hub hub_;
  Bus bus_;
  ModelWriter writer_;
  std::list<std::unique_ptr<Session>> sessions_;
};

}  // namespace indaba::stream::simulation
