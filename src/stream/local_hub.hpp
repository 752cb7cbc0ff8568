// LocalHub: the streams that readers of one loop follow. It delivers what is live and moves on
// whoever is behind.
//
// Lives on one loop and is touched only there. One mechanism serves the first load, a reconnect, a
// slow reader and a lost message: pump() moves a subscription from its position to the head, from
// the tail in memory where that reaches, else by pages from the store. What commits is delivered at
// the end of the tick, so that all of a stream's events of a tick cost a reader one send.
#pragma once

#include "base/executor.hpp"
#include "base/loop_counter.hpp"
#include "stream/store.hpp"
#include "stream/subscription.hpp"
#include "stream/tail.hpp"

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace indaba::stream {

// Where a loop says that it wants a stream's events; implemented by the Hub of all loops.
class Attachments {
 public:
  virtual ~Attachments() = default;
  virtual void attach(StreamId stream, int local) = 0;
  virtual void detach(StreamId stream, int local) = 0;
  // Of a stream that is attached: whoever wrote up to there since then may have been answered, and
  // nobody who wrote more. nullopt: only the log knows.
  virtual std::optional<Seq> settled_head(StreamId stream) = 0;
};

// Names a subscription in an answer that may come when it is long gone.
struct SubscriptionTicket {
  std::uint32_t slot;
  std::uint32_t generation;
};

// Who waits for a stream's state. `fresh`: the read began after it came, so that what it finds is
// not older than what the reader knows.
struct WaitingStart {
  SubscriptionTicket ticket;
  Start start;
  bool fresh;
};

struct LocalStream {
  StreamId id;
  bool known = false;            // `state` has been read
  bool reading = false;          // … or is being read
  bool durable = true;           // false: nothing is ever in the store, everything is live
  std::uint32_t generation = 0;  // answers to what was asked in an earlier one tell of another
                                 // epoch, or of a stream that is gone
  StreamState
      state;  // head: the newest seq that this loop has heard of, also before the rest is known
  Tail tail;
  std::vector<Subscription*> live;                  // dense: publishing walks it
  std::vector<std::shared_ptr<Rendering>> pending;  // of this tick, for the live ones
  std::vector<WaitingStart> starting;
  std::vector<std::string> names;  // by which readers asked
  std::size_t subscriptions = 0;
  MonoTime unused_since{};
};

class LocalHub {
 public:
  struct Counters {  // written on the loop, read anywhere
    LoopCounter delivered;
    LoopCounter from_tail;
    LoopCounter from_store;
    LoopCounter slow;  // how often a live reader fell back to catching up
    LoopCounter resets;
    LoopCounter behind;         // events that the last look at heads found, and nobody had told of
    LoopCounter streams;        // now
    LoopCounter subscriptions;  // now
  };
  static constexpr Millis kLinger{120'000};  // a stream without readers keeps its tail so long

  LocalHub(int index, Executor& executor, Store& store, Attachments& attachments);
  ~LocalHub();
  LocalHub(const LocalHub&) = delete;
  LocalHub& operator=(const LocalHub&) = delete;

  // Makes a subscription; nothing is delivered before start(), which may call the reader at once.
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(Reader& reader, StreamId stream,
                                                        std::string_view name, bool durable);
  void start(Subscription& subscription, const Start& start);
  // The reader can take more again.
  void resume(Subscription& subscription);

  // From the hub, on this loop, in the order of commits.
  void on_committed(const EventPtr& event);
  void on_ephemeral(const EventPtr& event);
  void on_trimmed(StreamId stream, Seq oldest);
  // What is in memory is not what the log says any more: it is read from there again.
  void on_rewritten(StreamId stream);
  void on_closed(StreamId stream);
  // A stream as the log has it: finds what was lost on the way. It may be older than what we know,
  // but for the epoch.
  // Says how many of its events we had not heard of.
  std::int64_t on_head(StreamId stream, const StreamState& state);
  void on_heads(std::span<const StreamHead> heads);

  // Forgets streams that nobody has followed for a while. Called now and then.
  void sweep();

  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::size_t streams() const noexcept {
    return streams_.size();
  }  // on the loop, as the next
  [[nodiscard]] std::size_t subscriptions() const noexcept {
    return slots_.size() - free_slots_.size();
  }

 private:
  friend class Subscription;
  // Long enough that a database which is down is not asked by every reader all the time, short
  // enough that nobody notices.
  static constexpr Millis kRetryStore{250};
  struct Slot {
    Subscription* subscription = nullptr;
    std::uint32_t generation = 0;
  };

  void unsubscribe(Subscription& subscription) noexcept;
  [[nodiscard]] SubscriptionTicket ticket(const Subscription& subscription) const noexcept;
  [[nodiscard]] Subscription* find(SubscriptionTicket ticket) const noexcept;

  void read_state(LocalStream& stream);
  void on_state(StreamId id, std::uint32_t generation, Result<Page> page);
  void begin(Subscription& subscription, const Start& start, bool fresh);
  void when_known(Subscription& subscription, const Start& start);
  [[nodiscard]] bool may_be_behind(const LocalStream& stream) const;
  void pump(Subscription& subscription);
  void read_page(Subscription& subscription);
  void on_page(Subscription& subscription, std::uint32_t generation, Result<Page> page);
  void read_page_later(const Subscription& subscription);
  void deliver(Subscription& subscription, Rendering& event);
  void deliver(Subscription& subscription, Batch& batch);
  void deliver_at_tick_end(LocalStream& stream, std::shared_ptr<Rendering> event);
  void deliver_pending();
  void deliver_pending(LocalStream& stream);
  void deliver_live(LocalStream& stream, Batch& batch);
  void deliver_but_to_one(LocalStream& stream, Batch& batch);
  // One by one; false where the subscription is not live any more.
  bool deliver_singly(Subscription& subscription, Batch& batch);
  void reset(Subscription& subscription, ResetReason reason, const StreamState& state);
  void make_live(Subscription& subscription);
  void leave_live(Subscription& subscription) noexcept;
  // True where the stream is in another epoch than it was: then everyone who had begun has been
  // reset.
  bool learn(LocalStream& stream, const StreamState& state);
  void begin_epoch(LocalStream& stream);
  void end(LocalStream& stream);
  void count_now() noexcept;

  const int index_;
  Executor& executor_;
  Store& store_;
  Attachments& attachments_;
  std::unordered_map<StreamId, std::unique_ptr<LocalStream>> streams_;
  std::vector<LocalStream*> due_;  // those with something pending
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t generations_ = 0;
  // Answers from the store that come after the hub is gone find this expired.
  std::shared_ptr<LocalHub*> alive_;
  Counters counters_;
};

}  // namespace indaba::stream
