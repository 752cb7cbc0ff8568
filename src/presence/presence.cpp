#include "presence/presence.hpp"

#include <algorithm>
#include <utility>

namespace indaba::presence {

template <class F>
void Presence::with(UserId user, F work) const {
  const auto& at = shards_[std::hash<UserId>{}(user) % kShards];
  const std::scoped_lock lock(at.mutex);
  if (const auto found = at.people.find(user); found != at.people.end()) work(found->second);
}

template <class F>
void Presence::with(UserId user, F work) {
  auto& at = shards_[std::hash<UserId>{}(user) % kShards];
  const std::scoped_lock lock(at.mutex);
  const auto found = at.people.find(user);
  if (found == at.people.end()) return;
  work(found->second);
  if (is_over(found->second)) at.people.erase(found);
}

// --- who comes and goes
// -----------------------------------------------------------------------------------------------------------

void Presence::connect(UserId user, const std::string& username) {
  if (!user) return;
  {
    auto& at = shards_[std::hash<UserId>{}(user) % kShards];
    const std::scoped_lock lock(at.mutex);
    auto& entry = at.people[user];
    entry.username = username;
    ++entry.devices;
    if (!entry.online) begin(user, entry);
  }
  leases_.renew({&user, 1}, linger_);
}

void Presence::disconnect(UserId user) {
  bool last = false;
  with(user, [&](Entry& entry) {
    last = --entry.devices == 0 && entry.online;
    entry.last_seen = clock_.wall();
  });
  if (last) leases_.renew({&user, 1}, linger_);
}

void Presence::follows(UserId user, OrgId org) {
  if (!user || !org) return;
  with(user, [&](Entry& entry) {
    if (!entry.online || !entry.orgs.add(org)) return;
    join(user, org);
    entry.placed = entry.asked = false;
    note(unplaced_, user);
  });
}

void Presence::on_access_change(const api::AccessChange& change) {
  if (const auto* ended = std::get_if<api::MembershipEnded>(&change)) {
    with(ended->user, [&](Entry& entry) {
      if (entry.orgs.erase(ended->org) && entry.online) leave(ended->user, ended->org);
      // What is being read may still say otherwise.
      if (entry.asked) note(unplaced_, ended->user);
      entry.asked = false;
    });
  } else if (const auto* deleted = std::get_if<api::OrgDeleted>(&change)) {
    auto& at = org_shard(deleted->org);
    const std::scoped_lock lock(at.mutex);
    at.online.erase(deleted->org);
  }
}

void Presence::begin(UserId user, Entry& entry) {
  entry.online = true;
  entry.placed = entry.asked = false;
  entry.orgs.each([&](OrgId org) { join(user, org); });
  note(touched_, user);
  note(unplaced_, user);
}

void Presence::end(UserId user, Entry& entry, Leaving& leaving) {
  entry.online = false;
  // Somebody whose devices were on other nodes: one of those knows when the last one went, and
  // keeps it.
  const bool elsewhere = entry.last_seen == WallTime{};
  if (elsewhere) entry.last_seen = clock_.wall();
  entry.orgs.each([&](OrgId org) { leaving[org].push_back(user); });
  note(touched_, user);
  if (elsewhere) return;
  if (!entry.unsaved) note(unsaved_, user);
  entry.unsaved = true;
}

void Presence::join(UserId user, OrgId org) {
  auto& at = org_shard(org);
  const std::scoped_lock lock(at.mutex);
  at.online[org].push_back(user);
}

void Presence::leave(UserId user, OrgId org) {
  leave(org, {user});
}

void Presence::leave(OrgId org, std::vector<UserId> users) {
  std::ranges::sort(users);
  std::vector<bool> gone(users.size());
  auto& at = org_shard(org);
  const std::scoped_lock lock(at.mutex);
  const auto found = at.online.find(org);
  if (found == at.online.end()) return;
  std::erase_if(found->second, [&](UserId user) {
    const auto it = std::ranges::lower_bound(users, user);
    if (it == users.end() || *it != user) return false;
    const auto which = static_cast<std::size_t>(it - users.begin());
    if (gone[which]) return false;
    gone[which] = true;
    return true;
  });
  if (found->second.empty()) at.online.erase(found);
}

void Presence::note(std::vector<UserId>& list, UserId user) {
  const std::scoped_lock lock(lists_mutex_);
  list.push_back(user);
}

// --- who is there
// -----------------------------------------------------------------------------------------------------------------

bool Presence::is_online(UserId user) const {
  bool online = false;
  with(user, [&](const Entry& entry) { online = entry.online; });
  return online;
}

std::int64_t Presence::online(OrgId org) const {
  auto& at = org_shard(org);
  const std::scoped_lock lock(at.mutex);
  const auto found = at.online.find(org);
  return found == at.online.end() ? 0 : static_cast<std::int64_t>(found->second.size());
}

std::int64_t Presence::people() const {
  std::int64_t count = 0;
  for (const auto& at : shards_) {
    const std::scoped_lock lock(at.mutex);
    count += std::ranges::count_if(at.people, [](const auto& item) { return item.second.online; });
  }
  return count;
}

PresentPerson Presence::person(UserId user, const Entry& entry) const {
  return {user, entry.username, entry.online, entry.online ? clock_.wall() : entry.last_seen};
}

std::vector<PresentPerson> Presence::online_users(OrgId org, std::size_t limit) const {
  std::vector<UserId> users;
  {
    auto& at = org_shard(org);
    const std::scoped_lock lock(at.mutex);
    if (const auto found = at.online.find(org); found != at.online.end()) users = found->second;
  }
  limit = std::min(limit, users.size());
  std::ranges::partial_sort(users, users.begin() + static_cast<std::ptrdiff_t>(limit));
  return online_among(std::span(users).first(limit));
}

std::vector<PresentPerson> Presence::online_among(std::span<const UserId> users) const {
  std::vector<PresentPerson> people;
  for (const auto user : users)
    with(user, [&](const Entry& entry) {
      if (entry.online) people.push_back(person(user, entry));
    });
  return people;
}

std::vector<PresentPerson> Presence::just_left(OrgId org) const {
  std::vector<UserId> users;
  {
    const std::scoped_lock lock(lists_mutex_);
    users = unsaved_;
  }
  std::vector<PresentPerson> people;
  for (const auto user : users)
    with(user, [&](const Entry& entry) {
      if (!entry.online && entry.orgs.contains(org)) people.push_back(person(user, entry));
    });
  return people;
}

// --- what changed
// -----------------------------------------------------------------------------------------------------------------

void Presence::renew_all() {
  const auto now = clock_.mono();
  if (now - renewed_at_ < linger_ / 3) return;
  renewed_at_ = now;
  for (auto& at : shards_) {
    std::vector<UserId> here;
    {
      const std::scoped_lock lock(at.mutex);
      for (const auto& [user, entry] : at.people)
        if (entry.devices > 0) here.push_back(user);
    }
    leases_.renew(here, linger_);
  }
}

void Presence::tick() {
  renew_all();
  const auto changes = leases_.take_changes();
  std::vector<UserId> still_here;
  Leaving leaving;
  for (const auto user : changes.ended)
    with(user, [&](Entry& entry) {
      if (entry.devices > 0)
        still_here.push_back(user);
      else if (entry.online)
        end(user, entry, leaving);
    });
  for (auto& [org, users] : leaving) leave(org, std::move(users));
  leases_.renew(still_here, linger_);
  for (const auto user : changes.begun) {
    auto& at = shards_[std::hash<UserId>{}(user) % kShards];
    const std::scoped_lock lock(at.mutex);
    auto& entry = at.people[user];
    if (entry.online) continue;
    entry.last_seen = {};
    begin(user, entry);
  }
}

std::vector<UserId> Presence::unplaced() {
  std::vector<UserId> wanted;
  {
    const std::scoped_lock lock(lists_mutex_);
    wanted.swap(unplaced_);
  }
  std::erase_if(wanted, [&](UserId user) {
    bool asks = false;
    with(user, [&](Entry& entry) {
      asks = entry.online && !entry.placed && !entry.asked;
      entry.asked |= asks;
    });
    return !asks;
  });
  return wanted;
}

void Presence::place(UserId user, const std::string& username, const std::vector<OrgId>& orgs) {
  OrgSet now(orgs);
  with(user, [&](Entry& entry) {
    if (!entry.asked) return;  // it is out of date: it will be asked again
    entry.asked = false;
    entry.placed = true;
    if (!username.empty()) entry.username = username;
    if (entry.online) {
      entry.orgs.each([&](OrgId org) {
        if (!now.contains(org)) leave(user, org);
      });
      now.each([&](OrgId org) {
        if (!entry.orgs.contains(org)) join(user, org);
      });
    }
    entry.orgs = std::move(now);
  });
}

void Presence::want_places(std::span<const UserId> users) {
  for (const auto user : users)
    with(user, [&](Entry& entry) {
      if (entry.asked) note(unplaced_, user);
      entry.asked = false;
    });
}

std::vector<PresenceChange> Presence::take_changes() {
  std::vector<UserId> touched;
  {
    const std::scoped_lock lock(lists_mutex_);
    touched.swap(touched_);
  }
  std::vector<PresenceChange> changes;
  for (const auto user : touched)
    with(user, [&](Entry& entry) {
      if (entry.online == entry.told) return;
      if (entry.online && !entry.placed) return note(touched_, user);  // nobody to tell yet
      entry.told = entry.online;
      changes.push_back({person(user, entry), entry.orgs.list()});
    });
  return changes;
}

// --- what is kept
// -----------------------------------------------------------------------------------------------------------------

std::vector<LastSeen> Presence::take_unsaved(std::size_t limit) {
  std::vector<UserId> users;
  {
    const std::scoped_lock lock(lists_mutex_);
    const auto some = std::min(limit, unsaved_.size());
    users.assign(unsaved_.end() - static_cast<std::ptrdiff_t>(some), unsaved_.end());
    unsaved_.resize(unsaved_.size() - some);
  }
  std::vector<LastSeen> unsaved;
  for (const auto user : users)
    with(user, [&](const Entry& entry) { unsaved.push_back({user, entry.last_seen}); });
  return unsaved;
}

void Presence::on_saved(std::span<const LastSeen> saved) {
  for (const auto& [user, at] : saved)
    with(user, [&](Entry& entry) {
      if (entry.online || entry.last_seen == at)
        entry.unsaved = false;
      else
        note(unsaved_, user);
    });
}

void Presence::on_not_saved(std::span<const LastSeen> unsaved) {
  for (const auto& one : unsaved) note(unsaved_, one.user);
}

std::vector<LastSeen> Presence::everyone() const {
  std::vector<LastSeen> all;
  for (const auto& at : shards_) {
    const std::scoped_lock lock(at.mutex);
    for (const auto& [user, entry] : at.people)
      all.push_back({user, entry.devices > 0 ? clock_.wall() : entry.last_seen});
  }
  return all;
}

}  // namespace indaba::presence
