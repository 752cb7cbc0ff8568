// The bridge to Django's channel layer, as a node has it: made from the settings, with what streams
// are and who has them read from the database.
//
// Owned by the node, which puts it between the log and the hub as the log's listener.
#pragma once

#include "app/bridge_config.hpp"
#include "base/log.hpp"
#include "cluster/bridge.hpp"
#include "cluster/redis_target.hpp"
#include "ops/health.hpp"
#include "ops/metrics.hpp"
#include "stream/publisher.hpp"

#include <memory>
#include <span>
#include <string>

namespace indaba::app {

class BridgeWiring final : public stream::CommitListener {
 public:
  struct Parts {  // all outlive this
    db::Database& database;
    stream::CommitListener& next;             // is told of commits first
    stream::EphemeralPublisher& own_readers;  // of this node
    stream::EphemeralPublisher& all_readers;
    const Clock& clock;
    Random& random;
    Logger& log;
  };
  // nullptr where no layer is set. `secret` is the deployment's; nodes share it.
  [[nodiscard]] static Result<std::unique_ptr<BridgeWiring>> make(const Config& config,
                                                                  const std::string& secret,
                                                                  Parts parts);
  ~BridgeWiring() override;

  void start() { bridge_->start(); }
  void stop(Millis within) { bridge_->stop(within); }  // before the database stops
  // What it says of itself in /readyz and /metrics.
  void report_to(ops::Health& health, ops::Metrics& metrics);

 private:
  BridgeWiring(BridgeConfig config, cluster::RedisTarget target, const std::string& secret,
               Parts parts);
  void on_committed(std::span<const stream::EventPtr> events) override;

  stream::CommitListener& next_;
  const cluster::RedisTarget target_;
  std::unique_ptr<cluster::BridgeSink> sink_;
  std::unique_ptr<cluster::Bridge> bridge_;
};

}  // namespace indaba::app
