// RateLimiter: how often a key (a user, an address, a session) may do something in a window of
// time.
//
// A sliding window in sixteen slots: what was used counts until its slot is a whole window old, so
// the limit holds over any stretch of time to within a sixteenth. Any thread; sharded by key, a few
// dozen nanoseconds under a shard's lock. Memory is bounded: a shard that is full forgets the keys
// whose windows are over, and then the one that it happens to find first.
//
// Several nodes count together by telling each other what was used (api/shared_rates.hpp): a limit
// is exact on one node, and over several as exact as the time that their word takes.
#pragma once

#include "base/clock.hpp"
#include "base/live.hpp"
#include "base/result.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace indaba::api {

struct RateRule {
  std::int64_t limit = 0;  // uses in a window
  Millis window{60'000};
};

// What a key used since the last time that was asked: for other nodes.
struct RateUse {
  std::string key;
  Millis window{0};
  std::uint32_t used = 0;
  bool forgotten = false;  // what it had used before that no longer counts
};

struct RateVerdict {
  bool allowed = true;
  std::int64_t limit = 0;
  std::int64_t remaining = 0;
  Millis reset{
      0};  // until the next use is possible, where it is refused; else until all of them are
};

class RateLimiter {
 public:
  static constexpr std::size_t kShards = 16;

  // `enabled` is the operator's switch; switched off, everything is allowed and nothing is counted.
  // `clock` must outlive this.
  RateLimiter(const Clock& clock, bool enabled, std::size_t max_keys = 65'536);

  [[nodiscard]] bool enabled() const noexcept { return enabled_; }
  void set_enabled(bool enabled) noexcept { enabled_ = enabled; }
  // Uses one, if there is one left.
  RateVerdict take(std::string_view key, RateRule rule);
  // Forgets what the key used: after a sign-in that succeeded.
  void forget(std::string_view key);
  [[nodiscard]] std::size_t keys() const;

  // At start-up: keep what is used for take_uses(). Bounded; past the bound others hear nothing of
  // a key.
  void keep_uses() noexcept { keep_uses_ = true; }
  [[nodiscard]] std::vector<RateUse> take_uses();
  // What another node let through.
  void count(const RateUse& use);

 private:
  static constexpr std::size_t kSlots = 16;
  struct Entry {
    std::int64_t newest_slot = 0;  // number of the newest slot since the clock's beginning
    std::int64_t slot_ms = 1;
    std::array<std::uint32_t, kSlots> used{};
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept {
      return std::hash<std::string_view>{}(key);
    }
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries;
    std::int64_t swept_ms = 0;
    std::unordered_map<std::string, RateUse, Hash, std::equal_to<>> uses;  // not told yet
  };

  Shard& shard_of(std::string_view key) noexcept;
  // Under the shard's lock.
  Entry& entry_of(Shard& shard, std::string_view key, Millis window, std::int64_t now_ms);
  RateUse* use_of(Shard& shard, std::string_view key);
  void make_room(Shard& shard, std::int64_t now_ms) const;
  static void advance(Entry& entry, std::int64_t now_ms);

  const Clock& clock_;
  Live<bool> enabled_;
  const std::size_t max_keys_a_shard_;
  bool keep_uses_ = false;
  std::array<Shard, kShards> shards_;
};

// Uses one; rate_limited, with the sentence and when to come again, where none is left.
[[nodiscard]] Result<void> charge(RateLimiter& limiter, std::string_view key, RateRule rule,
                                  std::string_view sentence);

// The part of an address that one customer has: an IPv6 address counts by its /64, for a host has
// as many of them as it likes.
[[nodiscard]] std::string rate_key_of_address(std::string_view address);

}  // namespace indaba::api
