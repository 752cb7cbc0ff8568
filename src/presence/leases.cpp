#include "presence/leases.hpp"

namespace indaba::presence {

void LocalLeases::renew(std::span<const UserId> users, Millis length) {
  const auto end = clock_.mono() + length;
  const std::scoped_lock lock(mutex_);
  for (const auto user : users) {
    const auto [it, begins] = ends_.insert_or_assign(user, end);
    if (begins) begun_.push_back(user);
  }
}

Leases::Changes LocalLeases::take_changes() {
  const auto now = clock_.mono();
  Changes changes;
  const std::scoped_lock lock(mutex_);
  for (auto it = ends_.begin(); it != ends_.end();) {
    if (it->second > now) {
      ++it;
      continue;
    }
    changes.ended.push_back(it->first);
    it = ends_.erase(it);
  }
  for (const auto user : begun_)
    if (ends_.contains(user)) changes.begun.push_back(user);
  begun_.clear();
  return changes;
}

}  // namespace indaba::presence
