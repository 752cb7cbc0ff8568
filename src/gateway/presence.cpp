#include "gateway/presence.hpp"

#include <algorithm>

namespace indaba::gateway {

Presence::Mark::~Mark() {
  if (presence_ != nullptr) presence_->leave(org_, user_);
}

Presence::Mark Presence::mark(OrgId org, UserId user, const std::string& username) {
  Mark mark;
  if (!org || !user) return mark;
  auto& at = shard(org);
  const std::scoped_lock lock(at.mutex);
  auto& entry = at.orgs[org][user];
  entry.username = username;
  ++entry.marks;
  mark.presence_ = this;
  mark.org_ = org;
  mark.user_ = user;
  return mark;
}

void Presence::leave(OrgId org, UserId user) {
  auto& at = shard(org);
  const std::scoped_lock lock(at.mutex);
  auto& entry = at.orgs[org][user];
  --entry.marks;
  entry.left_at = clock_.mono();
}

std::vector<Presence::Person> Presence::online_users(OrgId org, std::size_t limit) const {
  const auto& at = shard(org);
  const std::scoped_lock lock(at.mutex);
  std::vector<Person> people;
  const auto found = at.orgs.find(org);
  if (found == at.orgs.end()) return people;
  for (const auto& [id, entry] : found->second)
    if (present(entry) && people.size() < limit) people.push_back({id, entry.username});
  return people;
}

std::int64_t Presence::online(OrgId org) const {
  const auto& at = shard(org);
  const std::scoped_lock lock(at.mutex);
  const auto found = at.orgs.find(org);
  if (found == at.orgs.end()) return 0;
  return std::count_if(found->second.begin(), found->second.end(),
                       [&](const auto& item) { return present(item.second); });
}

std::int64_t Presence::people() const {
  std::int64_t count = 0;
  for (const auto& at : shards_) {
    const std::scoped_lock lock(at.mutex);
    for (const auto& [org, people] : at.orgs)
      count += std::count_if(people.begin(), people.end(),
                             [&](const auto& item) { return present(item.second); });
  }
  return count;
}

void Presence::sweep() {
  for (auto& at : shards_) {
    const std::scoped_lock lock(at.mutex);
    for (auto& [org, people] : at.orgs)
      std::erase_if(people, [&](const auto& item) { return !present(item.second); });
    std::erase_if(at.orgs, [](const auto& item) { return item.second.empty(); });
  }
}

}  // namespace indaba::gateway
