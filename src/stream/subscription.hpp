// Subscription: one reader's position in one stream.
//
// Lives on its reader's loop and is touched only there; owned by the reader, known to the hub by a
// slot (index and generation), so that an answer from the store that comes late cannot reach a
// newer subscription. Invariant: everything up to position() has been handed to the reader, in
// order, exactly once, or the reader was told `reset`.
#pragma once

#include "base/ids.hpp"
#include "stream/batch.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace indaba::stream {

class LocalHub;
class Subscription;
struct LocalStream;

enum class ResetReason : std::uint8_t { expired, epoch_changed, ahead };
[[nodiscard]] std::string_view to_string(ResetReason reason) noexcept;

// What a reader asks to begin with. Nothing: live from the head. A `since` without an epoch is
// taken at its word.
struct Start {
  std::optional<Seq> since;
  std::string epoch;
  std::uint32_t last = 0;  // instead of since: the newest n
  // Everything that was answered before is wanted: where what has committed may still be on its way
  // to this loop, the log is asked for its head.
  bool confirm = false;
};

// The reader's side. The hub calls it while it walks its lists: an implementation queues bytes and
// returns; it must not subscribe, unsubscribe or destroy a subscription from inside a call.
class Reader {
 public:
  virtual ~Reader() = default;
  // False while too much waits to be written: events then stay in the log until resume().
  [[nodiscard]] virtual bool can_take() const = 0;
  // Whose reader it is, for events that leave one person out; none where it is nobody's.
  [[nodiscard]] virtual UserId user() const noexcept { return {}; }
  // First of all. `since` is where delivery starts.
  virtual void on_subscribed(Subscription& subscription, const StreamState& state, Seq since) = 0;
  // What was asked for is gone; delivery goes on from state.head + 1.
  virtual void on_reset(Subscription& subscription, ResetReason reason,
                        const StreamState& state) = 0;
  virtual void on_event(Subscription& subscription, Rendering& event) = 0;
  // Whether a live reader takes a batch whole where it can; on_batch() is called only then.
  [[nodiscard]] virtual bool takes_batches() const { return false; }
  virtual void on_batch(Subscription&, Batch&) {}
  // It has reached the head: what comes now is live.
  virtual void on_live(Subscription&) {}
  // The stream is gone. Nothing follows.
  virtual void on_gone(Subscription& subscription) = 0;
};

class Subscription {
 public:
  ~Subscription();  // unsubscribes
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  [[nodiscard]] StreamId stream() const noexcept;
  [[nodiscard]] std::string_view name() const noexcept;
  [[nodiscard]] const std::string& epoch() const noexcept;
  [[nodiscard]] Seq position() const noexcept { return position_; }
  [[nodiscard]] bool started() const noexcept { return state_ != State::starting; }
  [[nodiscard]] Seq head() const noexcept;  // of the stream, as far as this loop knows
  [[nodiscard]] bool durable() const noexcept;
  [[nodiscard]] bool live() const noexcept { return state_ == State::live; }
  // The event in this reader's format and under its name.
  [[nodiscard]] const net::Frame& frame(Rendering& event, WireFormat& format) const {
    return event.as(format, name_, name());
  }

  [[nodiscard]] const net::Frame& frame(Batch& batch, WireFormat& format) const {
    return batch.as(format, name_, name());
  }

 private:
  friend class LocalHub;
  enum class State : std::uint8_t {
    starting,  // the stream's state is being read
    live,      // at the head
    reading,   // a page is on its way from the store
    waiting,   // the reader cannot take more
    gone,      // the stream is
  };
  Subscription(LocalHub& hub, LocalStream& stream, Reader& reader)
      : hub_(hub), stream_(stream), reader_(reader), takes_batches_(reader.takes_batches()) {}

  LocalHub& hub_;
  LocalStream& stream_;
  Reader& reader_;
  Seq position_;
  std::uint32_t slot_ = 0;
  std::uint32_t live_index_ = 0;  // in the stream's dense array, while live
  std::uint16_t name_ = 0;
  bool takes_batches_;
  State state_ = State::starting;
};

}  // namespace indaba::stream
