#include "presence/followed_streams.hpp"

namespace indaba::presence {

FollowedStreams::Follow::~Follow() {
  if (streams_ == nullptr) return;
  auto& [mutex, nodes] = streams_->shard(node_->first.stream);
  const std::scoped_lock lock(mutex);
  if (--node_->second.follows == 0) nodes.erase(Key(node_->first));
}

FollowedStreams::Follow FollowedStreams::follow(const api::ResolvedStream& stream,
                                                UserId follower) {
  Follow follow;
  auto& [mutex, nodes] = shard(stream.id);
  const std::scoped_lock lock(mutex);
  auto& node = *nodes.try_emplace({stream.id, stream.peer}, Node{stream.org, follower, 0}).first;
  ++node.second.follows;
  follow.streams_ = this;
  follow.node_ = &node;
  return follow;
}

std::vector<FollowedStreams::Followed> FollowedStreams::all() const {
  std::vector<Followed> out;
  for (const auto& [mutex, nodes] : shards_) {
    const std::scoped_lock lock(mutex);
    for (const auto& [key, node] : nodes)
      out.push_back({key.stream, node.org, key.peer, node.follower});
  }
  return out;
}

}  // namespace indaba::presence
