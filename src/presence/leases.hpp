// Leases: that somebody is connected, as long as somebody says so.
//
// A lease is a user and a moment at which it ends by itself. Whoever holds connections of a user
// renews it; one that dies takes nothing with it, for what it does not renew ends. The seam for
// several nodes: an implementation that shares leases keeps the others' here and sends its own
// behind, so that no call waits. Any thread.
#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "cluster/cluster.hpp"

#include <map>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace indaba::presence {

class Leases {
 public:
  // Since the last look. A user is in one of the two at most.
  struct Changes {
    std::vector<UserId> begun;
    std::vector<UserId> ended;
  };

  virtual ~Leases() = default;
  // From now on the leases of these users end in `length`, unless they are renewed.
  virtual void renew(std::span<const UserId> users, Millis length) = 0;
  [[nodiscard]] virtual Changes take_changes() = 0;
};

// The leases of one process. Bounded by the number of people that are connected to it.
class LocalLeases final : public Leases {
 public:
  explicit LocalLeases(const Clock& clock) : clock_(clock) {}

  void renew(std::span<const UserId> users, Millis length) override;
  [[nodiscard]] Changes take_changes() override;

 private:
  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<UserId, MonoTime> ends_;  // guarded by mutex_, as the next
  std::vector<UserId> begun_;
};

// The leases of all nodes: what is renewed here is told to the others, and what they tell counts
// here. Nothing is kept anywhere else: a node that dies, or a bus that is down, lets them run out,
// and a node that is new has heard all of them after one renewal (5 s).
class SharedLeases final : public Leases {
 public:
  static constexpr Millis kTell{250};

  // `cluster` outlives this.
  SharedLeases(const Clock& clock, cluster::Cluster& cluster);

  void renew(std::span<const UserId> users, Millis length) override;
  [[nodiscard]] Changes take_changes() override { return all_.take_changes(); }
  // Tells the others what was renewed since the last time; every kTell.
  void tell();

 private:
  void hear(std::string_view body);

  cluster::Cluster& cluster_;
  LocalLeases all_;
  std::mutex mutex_;
  std::map<Millis, std::vector<UserId>> renewed_;  // by length; guarded by mutex_
};

}  // namespace indaba::presence
