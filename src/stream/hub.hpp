// Hub: from the writer's thread to every loop that follows a stream.
//
// Any thread may publish. Which loops follow which stream is kept in shards under a lock each; a
// commit takes the lock once a stream, and each loop gets one posted piece of work a commit,
// whatever its number of events and readers.
#pragma once

#include "db/writer_stats.hpp"
#include "stream/event_log.hpp"
#include "stream/local_hub.hpp"
#include "stream/publisher.hpp"
#include "stream/rewrite.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

namespace indaba::stream {

// Who must know which streams this process follows, to have their events brought here. On any loop,
// without a lock: where two loops begin and cease to follow a stream at once, the two calls may
// come in either order. Must not block.
class FollowListener {
 public:
  virtual ~FollowListener() = default;
  virtual void on_followed(StreamId stream) = 0;
  virtual void on_unfollowed(StreamId stream) = 0;
};

class Hub final : public CommitListener,
                  public EphemeralPublisher,
                  public SignPublisher,
                  public HeadListener,
                  public RewriteListener,
                  public Attachments {
 public:
  explicit Hub(const Clock& clock) : clock_(clock) {}

  // At start-up, one for each loop; the index is its place in this order. The hub owns them; each
  // is used on its executor alone.
  LocalHub& add_loop(Executor& executor, Store& store);
  [[nodiscard]] LocalHub& local(std::size_t index) { return *locals_[index].hub; }
  [[nodiscard]] std::size_t size() const noexcept { return locals_.size(); }
  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }

  // At start-up. nullptr: nobody.
  void set_follow_listener(FollowListener* listener) noexcept { follow_listener_ = listener; }
  // At start-up: whether anything may be delivered now, whoever sent it; asked on any thread. What
  // is durable is caught up with later (see GatedStore), what is not is lost. The events of
  // `always` pass: by them a node learns what the gate is shut for.
  void set_gate(StreamId always, std::function<bool()> may_deliver) {
    always_ = always;
    may_deliver_ = std::move(may_deliver);
  }
  [[nodiscard]] bool may_deliver(StreamId stream) const {
    return !may_deliver_ || stream == always_ || may_deliver_();
  }
  // At start-up, where no other process writes the log: what on_settled() tells is then all that
  // anybody can have been answered.
  void trust_settled_heads() noexcept { sole_writer_ = true; }

  void on_settled(StreamId stream, Seq head) override;
  void on_taken(StreamId stream, Seq head) override;
  void on_committed(std::span<const EventPtr> events) override;
  // What another node committed, or sent to be forgotten. Durable events may come in any order,
  // twice, or not at all.
  void on_heard(std::span<const EventPtr> events);
  void on_heard_ephemeral(Event event) { deliver_ephemeral(std::move(event)); }
  // Streams as the log has them (LocalHub::on_head).
  void on_heads(std::span<const StreamHead> heads);
  // Those that any loop follows, each with the newest event that was heard of since then: it was
  // committed before. `found_short`: a writer
  // found that the log ends before it.
  struct FollowedStream {
    StreamId id;
    Seq heard;
    bool found_short;
  };
  [[nodiscard]] std::vector<FollowedStream> followed() const;
  // The stream has begun another epoch, in which what was heard of counts no more.
  void forget_heard(StreamId stream);
  void publish_ephemeral(StreamId stream, std::string type, std::string body) override;
  void publish_sign(StreamId stream, std::string type, std::string body, UserId except) override;
  void on_trimmed(StreamId stream, Seq oldest);
  void on_closed(StreamId stream);
  void on_rewritten(StreamId stream) override;

  // From the moment an event was given its place to the end of its delivery on a loop.
  [[nodiscard]] const db::AtomicHistogram<9>& publish_to_delivery() const noexcept {
    return publish_to_delivery_;
  }
  [[nodiscard]] std::uint64_t published() const noexcept {
    return published_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t published_ephemeral() const noexcept {
    return ephemeral_.load(std::memory_order_relaxed);
  }

  void attach(StreamId stream, int local) override;
  void detach(StreamId stream, int local) override;
  std::optional<Seq> settled_head(StreamId stream) override;

 private:
  using LoopMask = std::uint64_t;
  static constexpr std::size_t kShards = 64;
  struct Followed {
    LoopMask loops = 0;
    Seq settled;  // of what has committed since it is followed
    Seq heard;    // likewise, and of what came from other nodes
    bool found_short = false;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<StreamId, Followed> streams;
  };
  struct Local {
    Executor* executor;
    std::unique_ptr<LocalHub> hub;
  };
  [[nodiscard]] Shard& shard(StreamId stream) {
    return shards_[std::hash<StreamId>{}(stream) % kShards];
  }
  [[nodiscard]] LoopMask followers(StreamId stream);
  void note_heard(std::span<const EventPtr> events);
  void deliver(std::span<const EventPtr> events);
  void deliver_ephemeral(Event event);
  template <class F>
  void on_each(LoopMask mask, F work);

  const Clock& clock_;
  FollowListener* follow_listener_ = nullptr;
  std::function<bool()> may_deliver_;
  StreamId always_;
  bool sole_writer_ = false;
  db::AtomicHistogram<9> publish_to_delivery_{
      std::array{0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0, 5.0}};
  std::atomic<std::uint64_t> published_{0};
  std::atomic<std::uint64_t> ephemeral_{0};
  std::array<Shard, kShards> shards_;
  std::vector<Local> locals_;
};

}  // namespace indaba::stream
