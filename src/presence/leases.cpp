#include "presence/leases.hpp"

#include "cluster/wire.hpp"

#include <algorithm>

namespace indaba::presence {

void LocalLeases::renew(std::span<const UserId> users, Millis length) {
  const auto end = clock_.mono() + length;
  const std::scoped_lock lock(mutex_);
  for (const auto user : users) {
    const auto [it, begins] = ends_.try_emplace(user, end);
    it->second = std::max(it->second, end);  // one that another node holds may end later
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

namespace {

constexpr std::size_t kUsersAtOnce = 50'000;  // of one message
constexpr Millis kLongest = std::chrono::minutes(10);

}  // namespace

SharedLeases::SharedLeases(const Clock& clock, cluster::Cluster& cluster)
    : cluster_(cluster), all_(clock) {
  cluster.listen(cluster::Topic::leases, [this](NodeId, std::string_view body) { hear(body); });
}

void SharedLeases::renew(std::span<const UserId> users, Millis length) {
  all_.renew(users, length);
  const std::scoped_lock lock(mutex_);
  auto& waiting = renewed_[length];
  waiting.insert(waiting.end(), users.begin(), users.end());
}

void SharedLeases::tell() {
  std::map<Millis, std::vector<UserId>> renewed;
  {
    const std::scoped_lock lock(mutex_);
    renewed.swap(renewed_);
  }
  if (cluster_.alone()) return;
  for (auto& [length, users] : renewed) {
    std::ranges::sort(users);
    const auto doubled = std::ranges::unique(users);
    users.erase(doubled.begin(), doubled.end());
    for (std::size_t at = 0; at < users.size(); at += kUsersAtOnce) {
      cluster::WireWriter out;
      out.number(length.count());
      std::int64_t before = 0;  // neighbours differ by little
      for (const auto user :
           std::span(users).subspan(at, std::min(kUsersAtOnce, users.size() - at))) {
        out.number(user.value - before);
        before = user.value;
      }
      cluster_.tell_all(cluster::Topic::leases, out.take());
    }
  }
}

void SharedLeases::hear(std::string_view body) {
  cluster::WireReader in(body);
  const Millis length(in.number());
  std::vector<UserId> users;
  std::int64_t user = 0;
  while (in.ok() && !in.at_end()) {
    user += in.number();
    if (in.ok() && user > 0) users.push_back(UserId(user));
  }
  if (in.ok() && length > Millis(0) && length <= kLongest) all_.renew(users, length);
}

}  // namespace indaba::presence
