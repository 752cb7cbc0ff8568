// Presence: who is connected: as long as any of their sockets or event streams is open, and for a
// while longer (15 s), so that a reload or a moment without network is no absence.
//
//   connect()    -> online, at once          ┐
//   disconnect() -> the lease ends later     ├ tick() -> take_changes(): what differs from what was
//   a node dies  -> so do its leases         ┘           told before, once a user
//
// What is online here is what the leases say (presence/leases.hpp); who belongs to which
// organisation is asked of the database once for everyone who came (unplaced(), place()), and known
// at once of the organisation whose stream somebody follows. Whoever is gone stays in memory until
// their last_seen is saved. Any thread; a connection costs one lock on a shard and one on the
// leases.
#pragma once

#include "api/access_changes.hpp"
#include "api/online.hpp"
#include "base/clock.hpp"
#include "presence/leases.hpp"
#include "presence/org_set.hpp"

#include <array>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace indaba::presence {

struct PresentPerson {
  UserId id;
  std::string username;
  bool online = true;
  WallTime last_seen{};  // of whoever is online: now
};

struct PresenceChange {
  PresentPerson person;
  std::vector<OrgId> orgs;
};

struct LastSeen {
  UserId user;
  WallTime at{};
};

class Presence final : public api::OnlineMembers {
 public:
  static constexpr Millis kLinger{15'000};

  Presence(const Clock& clock, Leases& leases, Millis linger = kLinger)
      : clock_(clock), leases_(leases), linger_(linger) {}

  // A device comes and goes. Each connect() has one disconnect(); nothing of nobody.
  void connect(UserId user, const std::string& username);
  void disconnect(UserId user);
  // Somebody who is connected follows a stream of the organisation.
  void follows(UserId user, OrgId org);
  void on_access_change(const api::AccessChange& change);

  [[nodiscard]] bool is_online(UserId user) const;
  [[nodiscard]] std::int64_t online(OrgId org) const override;
  [[nodiscard]] std::int64_t people() const;  // of all organisations
  [[nodiscard]] std::vector<PresentPerson> online_users(OrgId org, std::size_t limit) const;
  [[nodiscard]] std::vector<PresentPerson> online_among(std::span<const UserId> users) const;
  // Those of the organisation who are gone, and whose last_seen is not saved yet.
  [[nodiscard]] std::vector<PresentPerson> just_left(OrgId org) const;

  // --- for the gathering of changes, once a second

  // Renews the leases of who is connected here, and learns whose have begun and ended.
  void tick();
  // Whose organisations have to be asked for. Each goes to place(), or to want_places() again.
  [[nodiscard]] std::vector<UserId> unplaced();
  void place(UserId user, const std::string& username, const std::vector<OrgId>& orgs);
  void want_places(std::span<const UserId> users);
  // Who is not what was told of them: each at most once, however often they came and went.
  [[nodiscard]] std::vector<PresenceChange> take_changes();

  // --- for saving

  [[nodiscard]] std::vector<LastSeen> take_unsaved(std::size_t limit);
  void on_saved(std::span<const LastSeen> saved);
  void on_not_saved(std::span<const LastSeen> unsaved);
  // At the end: everyone who is here goes now.
  [[nodiscard]] std::vector<LastSeen> everyone() const;

 private:
  struct Entry {
    std::string username;
    OrgSet orgs;
    WallTime last_seen{};  // when the last device went
    std::uint32_t devices = 0;
    bool online : 1 = false;
    bool told : 1 = false;    // what readers were told: online
    bool placed : 1 = false;  // `orgs` are the database's
    bool asked : 1 = false;   // … are being read
    bool unsaved : 1 = false;
  };
  static_assert(sizeof(Entry) <= 64, "there is one for everyone who is connected");
  using People = std::unordered_map<UserId, Entry>;
  static constexpr std::size_t kShards = 16;
  struct Shard {
    mutable std::mutex mutex;
    People people;
  };
  struct OrgShard {
    mutable std::mutex mutex;
    std::unordered_map<OrgId, std::vector<UserId>> online;
  };

  template <class F>
  void with(UserId user, F work) const;
  template <class F>
  void with(UserId user, F work);
  [[nodiscard]] OrgShard& org_shard(OrgId org) const {
    return org_shards_[std::hash<OrgId>{}(org) % kShards];
  }
  // All under the lock of the user's shard; the lists' own locks are taken last.
  void begin(UserId user, Entry& entry);
  using Leaving = std::unordered_map<OrgId, std::vector<UserId>>;
  void end(UserId user, Entry& entry, Leaving& leaving);
  void join(UserId user, OrgId org);
  void leave(UserId user, OrgId org);
  // Many at once, each once: who has come back meanwhile stands there a second time.
  void leave(OrgId org, std::vector<UserId> users);
  void note(std::vector<UserId>& list, UserId user);
  [[nodiscard]] PresentPerson person(UserId user, const Entry& entry) const;
  [[nodiscard]] static bool is_over(const Entry& entry) noexcept {
    return entry.devices == 0 && !entry.online && !entry.told && !entry.unsaved;
  }
  void renew_all();

  const Clock& clock_;
  Leases& leases_;
  const Millis linger_;
  std::array<Shard, kShards> shards_;
  mutable std::array<OrgShard, kShards> org_shards_;
  mutable std::mutex lists_mutex_;
  std::vector<UserId> touched_;   // guarded by lists_mutex_, as the next two
  std::vector<UserId> unplaced_;  // may name somebody twice, or who is gone
  std::vector<UserId> unsaved_;
  MonoTime renewed_at_{};  // tick() alone
};

}  // namespace indaba::presence
