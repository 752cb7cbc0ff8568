// Catalog: which topics there are, from memory where it is known: what every publish and every
// subscription asks first.
//
// Any executor. That a topic is missing is never remembered, so one that was just declared is found
// at once.
#pragma once

#include "api/access_changes.hpp"
#include "auth/versioned_cache.hpp"
#include "base/task.hpp"
#include "feature/topics/queries.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace indaba::topics {

class Catalog {
 public:
  // All outlive this, and this outlives the last tell() of `changes`.
  Catalog(db::Database& database, const Clock& clock, api::AccessChanges& changes, Millis believed);
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  [[nodiscard]] Task<Result<std::optional<TopicRow>>> find(OrgId org, std::string topic);

 private:
  struct Key {
    OrgId org;
    std::string topic;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<OrgId>{}(key.org) * 31 + std::hash<std::string>{}(key.topic);
    }
  };

  db::Database& database_;
  auth::VersionedCache<Key, TopicRow, KeyHash> topics_;
};

}  // namespace indaba::topics
