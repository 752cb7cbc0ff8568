#include "auth/revocations.hpp"

namespace indaba::auth {

void RevokedIds::add(std::int64_t id) {
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  if (!shard.ids.insert(id).second) return;
  shard.oldest_first.push_back(id);
  if (shard.oldest_first.size() > kMaxAShard) {
    shard.ids.erase(shard.oldest_first.front());
    shard.oldest_first.pop_front();
  }
  any_.store(true, std::memory_order_release);
}

bool RevokedIds::contains(std::int64_t id) const {
  if (!any_.load(std::memory_order_acquire)) return false;
  const Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  return shard.ids.contains(id);
}

}  // namespace indaba::auth
