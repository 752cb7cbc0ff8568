#include "app/bridge_wiring.hpp"

#include "app/bridge_sink.hpp"
#include "cluster/channels_core.hpp"
#include "cluster/channels_pubsub.hpp"

namespace indaba::app {

Result<std::unique_ptr<BridgeWiring>> BridgeWiring::make(const Config& config,
                                                         const std::string& secret, Parts parts) {
  INDABA_TRY(auto bridge, bridge_config(config));
  if (!bridge.enabled()) return nullptr;
  INDABA_TRY(auto target, cluster::RedisTarget::parse(bridge.url));
  return std::unique_ptr<BridgeWiring>(
      new BridgeWiring(std::move(bridge), std::move(target), secret, parts));
}

BridgeWiring::BridgeWiring(BridgeConfig config, cluster::RedisTarget target,
                           const std::string& secret, Parts parts)
    : next_(parts.next),
      target_(std::move(target)),
      sink_(std::make_unique<SqlBridgeSink>(parts.database, parts.own_readers, parts.all_readers)) {
  const auto make_layer = [&](net::Loop& loop) -> std::unique_ptr<cluster::ChannelLayer> {
    if (config.layer == BridgeConfig::Layer::core)
      return std::make_unique<cluster::CoreLayer>(
          loop, target_,
          cluster::CoreLayerOptions{config.prefix, secret, config.capacity, config.expiry},
          parts.clock, parts.random, parts.log);
    std::vector<std::string> patterns;
    for (const auto& group : config.groups)
      if (group.blank != cluster::GroupMapping::Blank::none) patterns.push_back(group.pattern());
    return std::make_unique<cluster::PubSubLayer>(target_, config.prefix, std::move(patterns),
                                                  parts.clock, parts.random, parts.log);
  };
  bridge_ = std::make_unique<cluster::Bridge>(
      cluster::Bridge::Parts{parts.database, *sink_, parts.clock, parts.random, parts.log},
      config.groups, make_layer);
}

BridgeWiring::~BridgeWiring() = default;

void BridgeWiring::report_to(ops::Health& health, ops::Metrics& metrics) {
  health.add_check("channel_layer", [this]() -> ops::HealthReport {
    if (bridge_->stats().layer.up) return {};
    return {ops::HealthState::degraded, "Django's channel layer cannot be reached"};
  });
  metrics.add_source([this](ops::Scrape& scrape) {
    const auto stats = bridge_->stats();
    scrape.add("indaba_bridge_up", stats.layer.up ? 1 : 0);
    scrape.add("indaba_bridge_leading", stats.leading ? 1 : 0);
    scrape.add("indaba_bridge_groups", static_cast<double>(stats.layer.groups));
    scrape.add("indaba_bridge_groups_left_out", static_cast<double>(stats.left_out));
    const auto tell = [&](std::string_view outcome, std::uint64_t n) {
      scrape.add("indaba_bridge_messages_total", static_cast<double>(n), {{"outcome", outcome}});
    };
    tell("delivered", stats.delivered);
    tell("refused", stats.refused);
    tell("sent", stats.sent);
    tell("dropped", stats.dropped + stats.layer.dropped);
  });
}

void BridgeWiring::on_committed(std::span<const stream::EventPtr> events) {
  next_.on_committed(events);
  bridge_->on_committed(events);
}

}  // namespace indaba::app
