// StreamAudiences: who is told, and told of, on a stream, from memory where it was read a moment
// ago.
//
// An answer is forgotten when somebody is taken out or a room's rules change; who was just added is
// named a few seconds later. Bounded. Any thread.
#pragma once

#include "api/access_changes.hpp"
#include "presence/source.hpp"

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace indaba::presence {

using AudiencePtr = std::shared_ptr<const Audience>;

class StreamAudiences {
 public:
  static constexpr Millis kFresh{5'000};
  static constexpr std::size_t kMost = 20'000;

  StreamAudiences(Source& source, const Clock& clock) : source_(source), clock_(clock) {}

  // In the order of `streams`; one read at most.
  Task<Result<std::vector<AudiencePtr>>> of(std::vector<StreamId> streams);
  void on_access_change(const api::AccessChange& change);

 private:
  struct Known {
    AudiencePtr audience;
    MonoTime read_at;
  };
  [[nodiscard]] AudiencePtr find(StreamId stream);
  void keep(const std::vector<AudiencePtr>& read, std::uint64_t version, MonoTime read_at);

  Source& source_;
  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<StreamId, Known> known_;  // guarded by mutex_, as the next
  std::uint64_t version_ = 0;  // what was read before a change and comes after it is not kept
};

}  // namespace indaba::presence
