#include "cluster/channels_pubsub.hpp"

#include "base/msgpack.hpp"
#include "cluster/channels_wire.hpp"

namespace indaba::cluster {

PubSubLayer::PubSubLayer(const RedisTarget& target, std::string_view prefix,
                         std::vector<std::string> patterns, const Clock& clock, Random& random,
                         Logger& log)
    : bus_(target, channels::pubsub_prefix(prefix), clock, random, log, std::move(patterns)) {}

void PubSubLayer::start(ChannelLayerListener& listener) {
  listener_ = &listener;
  bus_.start(*this);
}

std::size_t PubSubLayer::follow(std::span<const std::string> groups) {
  for (const auto& group : groups) bus_.join(group);
  return 0;
}

void PubSubLayer::group_send(const std::string& group, const boost::json::object& message) {
  bus_.publish(group, msgpack::encode(message));
}

void PubSubLayer::on_message(std::string_view channel, std::string_view payload) {
  auto unpacked = channels::unpack(payload);
  if (!unpacked) return listener_->on_unreadable(unpacked.error().detail);
  listener_->on_group_message({.group = std::string(channel),
                               .type = std::move(unpacked->type),
                               .members = std::move(unpacked->members),
                               .bytes = payload.size(),
                               .id = {},
                               .done = {}});
}

ChannelLayerStats PubSubLayer::stats() const {
  const auto bus = bus_.stats();
  return {bus.up, bus.sent, bus.received, bus.dropped};
}

}  // namespace indaba::cluster
