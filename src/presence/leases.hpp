// Leases: that somebody is connected, as long as somebody says so.
//
// A lease is a user and a moment at which it ends by itself. Whoever holds connections of a user
// renews it; one that dies takes nothing with it, for what it does not renew ends. The seam for
// several nodes: an implementation that shares leases keeps the others' here and sends its own
// behind, so that no call waits. Any thread.
#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"

#include <mutex>
#include <span>
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

}  // namespace indaba::presence
