// FollowedStreams: which streams sockets and event streams of this process follow now, so that
// presence is worked out for those alone.
//
// A conversation is followed by each of its two for the other one's presence; every other stream
// for everybody's. Any thread; a subscription costs one lock on a shard.
#pragma once

#include "api/stream_names.hpp"
#include "base/ids.hpp"

#include <array>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace indaba::presence {

class FollowedStreams {
 private:
  struct Key {
    StreamId stream;
    UserId peer;
    friend bool operator==(Key, Key) = default;
  };
  struct Hash {
    std::size_t operator()(Key key) const noexcept {
      return std::hash<StreamId>{}(key.stream) * 31 + std::hash<UserId>{}(key.peer);
    }
  };
  struct Node {
    OrgId org;
    UserId follower;
    std::size_t follows = 0;
  };
  using Nodes = std::unordered_map<Key, Node, Hash>;

 public:
  // Holds as long as it lives.
  class Follow {
   public:
    Follow() = default;
    Follow(Follow&& other) noexcept { swap(other); }
    Follow& operator=(Follow&& other) noexcept {
      swap(other);
      return *this;
    }
    ~Follow();
    // The other one of a conversation.
    [[nodiscard]] UserId peer() const noexcept {
      return node_ == nullptr ? UserId() : node_->first.peer;
    }

   private:
    friend class FollowedStreams;
    void swap(Follow& other) noexcept {
      std::swap(streams_, other.streams_);
      std::swap(node_, other.node_);
    }
    FollowedStreams* streams_ = nullptr;
    Nodes::value_type* node_ = nullptr;  // it stays where it is
  };
  [[nodiscard]] Follow follow(const api::ResolvedStream& stream, UserId follower);

  struct Followed {
    StreamId stream;
    OrgId org;
    UserId peer;      // of a conversation
    UserId follower;  // … and who looks at them
  };
  [[nodiscard]] std::vector<Followed> all() const;

 private:
  static constexpr std::size_t kShards = 16;
  struct Shard {
    mutable std::mutex mutex;
    Nodes nodes;
  };
  [[nodiscard]] Shard& shard(StreamId stream) {
    return shards_[std::hash<StreamId>{}(stream) % kShards];
  }

  std::array<Shard, kShards> shards_;
};

}  // namespace indaba::presence
