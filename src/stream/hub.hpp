// Hub: from the writer's thread to every loop that follows a stream.
//
// Any thread may publish. Which loops follow which stream is kept in shards under a lock each; a commit takes the lock once a stream,
// and each loop gets one posted piece of work a commit, whatever its number of events and readers.
#pragma once

#include "stream/event_log.hpp"
#include "stream/local_hub.hpp"
#include "stream/publisher.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

namespace indaba::stream {

class Hub final : public CommitListener, public EphemeralPublisher, public Attachments {
 public:
  explicit Hub(const Clock& clock) : clock_(clock) {}

  // At start-up, one for each loop; the index is its place in this order. The hub owns them; each is used on its executor alone.
  LocalHub& add_loop(Executor& executor, Store& store);
  [[nodiscard]] LocalHub& local(std::size_t index) { return *locals_[index].hub; }
  [[nodiscard]] std::size_t size() const noexcept { return locals_.size(); }

  void on_committed(std::span<const EventPtr> events) override;
  void publish_ephemeral(StreamId stream, std::string type, std::string body) override;
  void on_trimmed(StreamId stream, Seq oldest);
  void on_closed(StreamId stream);

  void attach(StreamId stream, int local) override;
  void detach(StreamId stream, int local) override;

 private:
  using LoopMask = std::uint64_t;
  static constexpr std::size_t kShards = 64;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<StreamId, LoopMask> loops;
  };
  struct Local {
    Executor* executor;
    std::unique_ptr<LocalHub> hub;
  };
  [[nodiscard]] Shard& shard(StreamId stream) { return shards_[std::hash<StreamId>{}(stream) % kShards]; }
  [[nodiscard]] LoopMask followers(StreamId stream);
  template <class F>
  void on_each(LoopMask mask, F work);

  const Clock& clock_;
  std::array<Shard, kShards> shards_;
  std::vector<Local> locals_;
};

}  // namespace indaba::stream
