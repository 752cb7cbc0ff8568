// Presence: which people are connected, by organisation: as long as any of their devices follows a
// stream of it, and 15 s longer, so that a reload or a moment without network is no absence.
//
// Of this process. Any thread; a change costs one lock on its organisation's shard.
#pragma once

#include "api/online.hpp"
#include "base/clock.hpp"

#include <array>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace indaba::gateway {

class Presence final : public api::OnlineMembers {
 public:
  static constexpr Millis kLinger{15'000};

  explicit Presence(const Clock& clock) : clock_(clock) {}

  // Somebody is present as long as one of their marks lives.
  class Mark {
   public:
    Mark() = default;
    Mark(Mark&& other) noexcept { swap(other); }
    Mark& operator=(Mark&& other) noexcept {
      swap(other);
      return *this;
    }
    ~Mark();

   private:
    friend class Presence;
    void swap(Mark& other) noexcept {
      std::swap(presence_, other.presence_);
      std::swap(org_, other.org_);
      std::swap(user_, other.user_);
    }
    Presence* presence_ = nullptr;
    OrgId org_;
    UserId user_;
  };
  // No organisation or no user: an empty mark.
  [[nodiscard]] Mark mark(OrgId org, UserId user, const std::string& username);

  struct Person {
    UserId id;
    std::string username;
  };
  [[nodiscard]] std::vector<Person> online_users(OrgId org, std::size_t limit) const;
  [[nodiscard]] std::int64_t online(OrgId org) const override;
  [[nodiscard]] std::int64_t people() const;  // of all organisations
  // Forgets those whose time is over. Called now and then.
  void sweep();

 private:
  struct Entry {
    std::string username;
    int marks = 0;
    MonoTime left_at{};
  };
  using People = std::unordered_map<UserId, Entry>;
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<OrgId, People> orgs;
  };
  static constexpr std::size_t kShards = 16;
  [[nodiscard]] bool present(const Entry& entry) const {
    return entry.marks > 0 || clock_.mono() - entry.left_at < kLinger;
  }
  [[nodiscard]] Shard& shard(OrgId org) { return shards_[std::hash<OrgId>{}(org) % kShards]; }
  [[nodiscard]] const Shard& shard(OrgId org) const {
    return shards_[std::hash<OrgId>{}(org) % kShards];
  }
  void leave(OrgId org, UserId user);

  const Clock& clock_;
  std::array<Shard, kShards> shards_;
};

}  // namespace indaba::gateway
