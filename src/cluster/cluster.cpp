#include "cluster/cluster.hpp"

#include "cluster/wire.hpp"

#include <fmt/format.h>

namespace indaba::cluster {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kAll = "all";

std::string node_channel(NodeId node) {
  return "node/" + to_string(node);
}

std::string shard_channel(unsigned shard) {
  return fmt::format("events/{}", shard);
}

}  // namespace

NodeId new_node_id(Random& random) {
  return NodeId(static_cast<std::int64_t>(random.below((std::uint64_t{1} << 63U) - 1)) + 1);
}

std::string to_string(NodeId node) {
  return fmt::format("{:016x}", static_cast<std::uint64_t>(node.value));
}

Cluster::Cluster(Bus& bus, NodeId self, const Clock& clock, Logger& log)
    : bus_(bus), self_(self), clock_(clock), log_(log) {}

Cluster::~Cluster() {
  if (started_) bus_.stop();  // it must not call who is gone
}

void Cluster::listen(Topic topic, Receive receive) {
  receivers_[static_cast<std::size_t>(topic)] = std::move(receive);
}

void Cluster::start() {
  bus_.join(kAll);
  bus_.join(node_channel(self_));
  started_ = true;
  bus_.start(*this);
}

void Cluster::stop() {
  if (!std::exchange(started_, false)) return;
  tell_all(Topic::goodbye, {});
  bus_.stop();
}

std::string Cluster::envelope(Topic topic, std::string_view body) const {
  WireWriter out;
  out.byte(kVersion).number(self_.value).byte(static_cast<std::uint8_t>(topic));
  auto text = out.take();
  text.append(body);
  return text;
}

void Cluster::tell_all(Topic topic, std::string_view body) {
  bus_.publish(kAll, envelope(topic, body));
}

void Cluster::tell(NodeId node, Topic topic, std::string_view body) {
  bus_.publish(node_channel(node), envelope(topic, body));
}

void Cluster::tell_shard(unsigned shard, std::string_view body) {
  bus_.publish(shard_channel(shard), envelope(Topic::events, body));
}

void Cluster::join_shard(unsigned shard) {
  bus_.join(shard_channel(shard));
}

void Cluster::leave_shard(unsigned shard) {
  bus_.leave(shard_channel(shard));
}

void Cluster::tick() {
  tell_all(Topic::hello, {});
  std::vector<NodeId> silent;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [node, heard] : others_)
      if (clock_.mono() - heard > kSilent) silent.push_back(node);
  }
  for (const auto node : silent) lost(node);
}

std::vector<NodeId> Cluster::others() const {
  const std::scoped_lock lock(mutex_);
  std::vector<NodeId> nodes;
  nodes.reserve(others_.size());
  for (const auto& [node, heard] : others_) nodes.push_back(node);
  return nodes;
}

void Cluster::heard_of(NodeId node) {
  {
    const std::scoped_lock lock(mutex_);
    const bool fresh = others_.insert_or_assign(node, clock_.mono()).second;
    count_.store(others_.size(), std::memory_order_relaxed);
    if (!fresh) return;
  }
  log_.info("cluster", "a node is there", {{"node", to_string(node)}});
  tell(node, Topic::hello, {});  // it need not wait for our next one
}

void Cluster::lost(NodeId node) {
  {
    const std::scoped_lock lock(mutex_);
    if (others_.erase(node) == 0) return;
    count_.store(others_.size(), std::memory_order_relaxed);
  }
  log_.info("cluster", "a node is gone", {{"node", to_string(node)}});
}

void Cluster::on_message(std::string_view, std::string_view payload) {
  WireReader in(payload);
  const auto version = in.byte();
  const NodeId from(in.number());
  const auto topic = in.byte();
  if (!in.ok() || version != kVersion || topic >= kTopics || !from || from == self_) return;
  if (static_cast<Topic>(topic) == Topic::goodbye) return lost(from);
  heard_of(from);
  if (const auto& receive = receivers_[topic]) receive(from, in.rest());
}

void Cluster::on_joined(std::string_view) {
  if (joined_) joined_();
}

void Cluster::on_up() {
  up_.store(true, std::memory_order_relaxed);
  log_.info("cluster", "the bus carries messages");
  tell_all(Topic::hello, {});
  if (joined_) joined_();
}

void Cluster::on_down() {
  up_.store(false, std::memory_order_relaxed);
  log_.warn("cluster", "the bus is down; streams are followed by reading the log");
}

}  // namespace indaba::cluster
