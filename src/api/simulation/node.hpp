// Node: one life of one of several nodes on a shared log, from a start to a death: the product's
// Hub, Relay, Cluster, HeadWatch, GatedStore, AccessChanges and AccessFollower, wired as app/ wires
// them, with two loops, a writer and a session for each client.
//
// GuardedSession is what the gateway does about access: it looks up whether its user may read, and
// listens meanwhile; what ends later ends its subscription.
#pragma once

#include "api/access_follower.hpp"
#include "api/simulation/bus.hpp"
#include "auth/versioned_cache.hpp"
#include "cluster/head_watch.hpp"
#include "cluster/relay.hpp"
#include "stream/gated_store.hpp"
#include "stream/simulation/model_store.hpp"
#include "stream/simulation/model_writer.hpp"
#include "stream/simulation/session.hpp"

#include <list>
#include <map>
#include <memory>
#include <optional>

namespace indaba::api::simulation {

using stream::simulation::Host;
using stream::simulation::Link;
using stream::simulation::ModelLog;
using stream::simulation::ModelWriter;
using stream::simulation::Session;

inline constexpr std::size_t kLoops = 2;

class Node;

class GuardedSession final : public Session {
 public:
  GuardedSession(Node& node, std::size_t loop, const std::shared_ptr<Link>& link);

  [[nodiscard]] std::size_t on_loop() const noexcept { return on_loop_; }
  void follow(StreamId stream, const std::string& name, bool durable,
              const stream::Start& start) override;
  void on_access_change(const AccessChange& change);

 private:
  struct Asked {
    std::string name;
    bool durable;
    stream::Start start;
    bool ended_meanwhile = false;
  };
  void on_access(StreamId stream, const Result<bool>& may_read);

  Node& node_;
  const std::size_t on_loop_;
  std::map<StreamId, Asked> asked_;
};

class Node final : public Host {
 public:
  struct Parts {  // all outlive this
    World& world;
    ModelLog& log;
    SimBroker& broker;
    const Weather& weather;
    Logger& logger;
    StreamId access_stream;
    Plant plant;
  };
  explicit Node(const Parts& parts);
  ~Node() override;

  [[nodiscard]] bool ready() const noexcept { return ready_; }
  void say_goodbye() { cluster_.stop(); }
  void connect(const std::shared_ptr<Link>& link) override;
  void forget(const Session* session) override;

  [[nodiscard]] ModelWriter& writer() noexcept { return writer_; }
  [[nodiscard]] cluster::Relay& relay() noexcept { return relay_; }
  [[nodiscard]] stream::Hub& hub() noexcept { return hub_; }
  [[nodiscard]] SimBus& bus() noexcept { return bus_; }
  void end_access(UserId user, StreamId stream, const std::string& payload, ModelWriter::Done done);
  void give_access(UserId user, StreamId stream, ModelWriter::Done done);
  void rewrite(StreamId stream, Seq seq, const std::string& payload);
  void look_up_access(UserId user, StreamId stream, stream::simulation::ModelStore::OnAccess done);

 private:
  friend class GuardedSession;
  // Numbers what it passes on one after the other, whatever was committed elsewhere.
  class Renumbering final : public stream::CommitListener {
   public:
    explicit Renumbering(stream::CommitListener& next) : next_(next) {}
    void on_committed(std::span<const stream::EventPtr> events) override;

   private:
    stream::CommitListener& next_;
    std::map<StreamId, Seq> told_;
  };
  using Place = std::pair<UserId, StreamId>;
  struct PlaceHash {
    std::size_t operator()(const Place& place) const noexcept {
      return static_cast<std::size_t>(place.first.value * 31 + place.second.value) << 8U;
    }
  };

  void start();
  void tick();
  void tell_sessions(const AccessChange& change);
  [[nodiscard]] bool gate_is_open() const {
    return parts_.plant == Plant::open_gate || follower_.fresh();
  }

  const Parts parts_;
  std::vector<std::unique_ptr<stream::simulation::SimLoop>> loops_;
  stream::simulation::ModelStore store_;
  stream::Hub hub_;
  cluster::Relay relay_;
  Renumbering renumbering_;
  AccessChanges changes_;
  AccessFollower follower_;
  stream::GatedStore gated_;
  SimBus bus_;
  cluster::Cluster cluster_;
  stream::simulation::ModelHeads head_source_;
  cluster::HeadWatch heads_;
  ModelWriter writer_;
  auth::VersionedCache<Place, bool, PlaceHash> readers_;
  std::list<std::unique_ptr<GuardedSession>> sessions_;
  int ticks_ = 0;
  bool ready_ = false;
};

}  // namespace indaba::api::simulation
