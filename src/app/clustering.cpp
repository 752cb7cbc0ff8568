#include "app/clustering.hpp"

#include "cluster/redis_bus.hpp"

#include <algorithm>

namespace indaba::app {

Result<std::unique_ptr<cluster::Bus>> make_bus(const RedisConfig& config,
                                               std::string_view deployment, const Clock& clock,
                                               Random& random, Logger& log) {
  if (!config.enabled()) return std::unique_ptr<cluster::Bus>();
  INDABA_TRY(auto target, cluster::RedisTarget::parse(config.url));
  return std::unique_ptr<cluster::Bus>(std::make_unique<cluster::RedisBus>(
      std::move(target), fmt::format("{}{}:", config.prefix, deployment), clock, random, log));
}

Clustering::Clustering(const Parts& parts, std::unique_ptr<cluster::Bus> bus)
    : parts_(parts),
      follower_(parts.changes, parts.clock, parts.log),
      store_(parts.store, parts.changes.shared_stream(), [this] { return knows_access(); }),
      bus_(std::move(bus)),
      head_source_(parts.database),
      heads_({head_source_, parts.hub, parts.clock, parts.log,
              [this] { return cluster_ != nullptr && cluster_->up(); },
              [this](MonoTime asked, std::span<const stream::StreamHead> heads) {
                const auto found = std::ranges::find(heads, parts_.changes.shared_stream(),
                                                     &stream::StreamHead::stream);
                if (found != heads.end() && !found->gone)
                  follower_.looked(asked, found->state.head);
              }}),
      housekeeper_(parts.database, "housekeeping", parts.clock, parts.random) {
  parts.hub.set_gate(parts.changes.shared_stream(), [this] { return knows_access(); });
  if (bus_ == nullptr) return;
  cluster_ =
      std::make_unique<cluster::Cluster>(*bus_, parts.changes.self(), parts.clock, parts.log);
  parts.relay.connect(*cluster_);
  cluster_->when_joined([this] { heads_.request(); });
}

void Clustering::keep_house(std::function<void()> begin) {
  housekeeper_.start(*Executor::current(), [this, begin = std::move(begin)](bool leads) {
    if (!leads) return;
    parts_.log.info("cluster", "this node deletes what is old");
    begin();
  });
}

void Clustering::start(stream::LocalHub& hub, std::function<void()> ready) {
  if (cluster_ != nullptr) cluster_->start();
  follower_.start(hub, std::move(ready));
}

void Clustering::stop() {
  follower_.stop();
  housekeeper_.stop();
}

void Clustering::leave(Millis within) {
  if (!housekeeper_.resign_blocking(within))
    parts_.log.warn("cluster", "the lead could not be given back; it ends by itself");
  if (cluster_ != nullptr) cluster_->stop();
}

}  // namespace indaba::app
