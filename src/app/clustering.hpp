// Clustering: what a node has because it is one of several: a cursor over the ends of access, the
// comparison of heads with the log, and, where Redis is configured, the bus.
//
// There is one where the database can be shared (PostgreSQL). Made before the loops run; start()
// and stop() on the main thread; the rest of it lives on the first loop.
#pragma once

#include "api/access_follower.hpp"
#include "app/config_sections.hpp"
#include "cluster/cluster.hpp"
#include "cluster/head_watch.hpp"
#include "cluster/leader.hpp"
#include "cluster/relay.hpp"
#include "stream/gated_store.hpp"
#include "stream/sql_store.hpp"

#include <memory>

namespace indaba::app {

// Where Redis is configured. Deployments that share a Redis by mistake hear nothing of each other:
// `deployment` is part of the channels' names. The error is a sentence for the operator.
[[nodiscard]] Result<std::unique_ptr<cluster::Bus>> make_bus(const RedisConfig& config,
                                                             std::string_view deployment,
                                                             const Clock& clock, Random& random,
                                                             Logger& log);

class Clustering {
 public:
  struct Parts {  // all outlive this
    db::Database& database;
    stream::Hub& hub;
    stream::Store& store;
    cluster::Relay& relay;
    api::AccessChanges& changes;  // shared already: AccessChanges::share()
    const Clock& clock;
    Random& random;
    Logger& log;
  };
  // `bus` may be nullptr: then nodes find each other's events in the log alone.
  Clustering(const Parts& parts, std::unique_ptr<cluster::Bus> bus);

  // What the loops read by: nothing while it is not known whose access has ended.
  [[nodiscard]] stream::Store& store() noexcept { return store_; }
  [[nodiscard]] cluster::Cluster* cluster() noexcept { return cluster_.get(); }
  [[nodiscard]] const cluster::Cluster* cluster() const noexcept { return cluster_.get(); }
  [[nodiscard]] bool knows_access() const { return follower_.fresh(); }

  // On the first loop. `ready`: from now on nothing is missed, requests may come.
  void start(stream::LocalHub& hub, std::function<void()> ready);
  // This node may be the one that deletes what is old; `begin` is called there when it becomes it.
  void keep_house(std::function<void()> begin);
  void stop();  // on the first loop, as well
  void watch_heads() { heads_.tick(); }

  [[nodiscard]] bool housekeeper() const noexcept { return housekeeper_.leading(); }
  [[nodiscard]] const cluster::HeadWatch& heads() const noexcept { return heads_; }
  // Says goodbye to the others, and gives back what it leads. On the main thread, after the loops'
  // last work.
  void leave(Millis within);

 private:
  const Parts parts_;
  api::AccessFollower follower_;
  stream::GatedStore store_;
  std::unique_ptr<cluster::Bus> bus_;
  std::unique_ptr<cluster::Cluster> cluster_;
  stream::SqlHeadSource head_source_;
  cluster::HeadWatch heads_;
  cluster::Leader housekeeper_;
};

}  // namespace indaba::app
