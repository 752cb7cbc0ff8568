// VersionedCache: answers of the database, kept in memory until something changes them.
//
// Any thread; sharded. Bounded in entries and in age. The race that matters: a reader takes a row
// from a snapshot, the row changes and is forgotten here, and only then the reader stores what it
// read. Therefore a reader takes a ticket before it reads, and what it stores is dropped if
// anything in that shard was forgotten since.
#pragma once

#include "base/clock.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace indaba::auth {

// How long an answer is believed that nobody took back. One process hears of every change itself;
// one of several may be cut off from the others, and then must not go on believing for long.
inline constexpr Millis kBelievedAlone = std::chrono::hours(1);
inline constexpr Millis kBelievedAmongOthers = std::chrono::seconds(8);

template <class Key, class Value, class Hash = std::hash<Key>>
class VersionedCache {
 public:
  struct Ticket {
    std::uint64_t version = 0;
  };

  VersionedCache(const Clock& clock, std::size_t max_entries, Millis max_age)
      : clock_(clock),
        max_a_shard_(std::max<std::size_t>(1, max_entries / kShards)),
        max_age_(max_age) {}

  [[nodiscard]] std::optional<Value> find(const Key& key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto it = shard.entries.find(key);
    if (it == shard.entries.end()) return std::nullopt;
    if (clock_.mono() - it->second.stored_at > max_age_) {
      shard.entries.erase(it);
      return std::nullopt;
    }
    return it->second.value;
  }
  // Before the read.
  [[nodiscard]] Ticket ticket(const Key& key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    return {shard.version};
  }
  // After the read.
  void put(const Key& key, Value value, Ticket ticket) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    if (shard.version != ticket.version) return;
    if (shard.entries.size() >= max_a_shard_ && !shard.entries.contains(key))
      shard.entries.erase(shard.entries.begin());
    shard.entries.insert_or_assign(key, Entry{std::move(value), clock_.mono()});
  }
  // After the commit of a change.
  void forget(const Key& key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    ++shard.version;
    shard.entries.erase(key);
  }
  void forget_if(const std::function<bool(const Key&, const Value&)>& matches) {
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      ++shard.version;
      std::erase_if(shard.entries,
                    [&](const auto& entry) { return matches(entry.first, entry.second.value); });
    }
  }

 private:
  static constexpr std::size_t kShards = 16;
  struct Entry {
    Value value;
    MonoTime stored_at;
  };
  struct Shard {
    std::mutex mutex;
    std::uint64_t version = 0;
    std::unordered_map<Key, Entry, Hash> entries;
  };

  Shard& shard_of(const Key& key) { return shards_[(Hash{}(key) >> 8U) % kShards]; }

  const Clock& clock_;
  const std::size_t max_a_shard_;
  const Millis max_age_;
  std::array<Shard, kShards> shards_;
};

}  // namespace indaba::auth
