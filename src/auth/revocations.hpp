// Revocations: what ended recently, so that anything that holds a principal can ask in memory
// whether it still counts.
//
// Any thread. Sockets are ended by those who hold them (api::AccessChanges); this covers the
// moments between: a frame that is being read, a socket whose handshake began before the revocation
// and was registered after it. Therefore an entry need not live for ever: the newest 65,536 of each
// kind are kept.
#pragma once

#include "auth/principal.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <unordered_set>

namespace indaba::auth {

// Ids that were revoked. Costs one relaxed load as long as there are none.
class RevokedIds {
 public:
  void add(std::int64_t id);
  [[nodiscard]] bool contains(std::int64_t id) const;

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kMaxAShard = 4'096;
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_set<std::int64_t> ids;
    std::deque<std::int64_t> oldest_first;
  };
  [[nodiscard]] Shard& shard_of(std::int64_t id) {
    return shards_[static_cast<std::size_t>(id) % kShards];
  }
  [[nodiscard]] const Shard& shard_of(std::int64_t id) const {
    return shards_[static_cast<std::size_t>(id) % kShards];
  }

  std::atomic<bool> any_{false};
  std::array<Shard, kShards> shards_;
};

class Revocations {
 public:
  void end(SessionId session) { sessions_.add(session.value); }
  void end(ApiKeyId key) { keys_.add(key.value); }
  void disable(UserId user) { users_.add(user.value); }

  // Has nothing ended that this principal rests on? Made for every frame of a socket.
  [[nodiscard]] bool still_valid(const Principal& principal, WallTime now) const {
    if (principal.expires_at && now >= *principal.expires_at) return false;
    if (principal.session && sessions_.contains(principal.session.value)) return false;
    if (principal.api_key && keys_.contains(principal.api_key.value)) return false;
    return !principal.user || !users_.contains(principal.user.value);
  }

 private:
  RevokedIds sessions_;
  RevokedIds keys_;
  RevokedIds users_;
};

}  // namespace indaba::auth
