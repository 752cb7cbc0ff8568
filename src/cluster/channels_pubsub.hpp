// PubSubLayer: RedisPubSubChannelLayer. A group is a channel of Redis' PUBLISH and SUBSCRIBE, and
// every node hears all of them. Nothing is kept: what is said while Redis is away is lost.
#pragma once

#include "cluster/channels_layer.hpp"
#include "cluster/redis_bus.hpp"

namespace indaba::cluster {

class PubSubLayer final : public ChannelLayer, private BusListener {
 public:
  // `prefix` is Django's; `patterns` are groups with a * in their names. The rest outlives this.
  PubSubLayer(const RedisTarget& target, std::string_view prefix, std::vector<std::string> patterns,
              const Clock& clock, Random& random, Logger& log);

  void start(ChannelLayerListener& listener) override;
  void stop() override { bus_.stop(); }
  [[nodiscard]] bool every_node_hears() const noexcept override { return true; }
  void set_receiving(bool) override {}
  std::size_t follow(std::span<const std::string> groups) override;
  void group_send(const std::string& group, const boost::json::object& message) override;
  [[nodiscard]] ChannelLayerStats stats() const override;

 private:
  void on_message(std::string_view channel, std::string_view payload) override;
  void on_joined(std::string_view) override {}
  void on_up() override {}
  void on_down() override {}

  ChannelLayerListener* listener_ = nullptr;
  RedisBus bus_;
};

}  // namespace indaba::cluster
