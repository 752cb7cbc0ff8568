// AccessFollower: where several nodes share the database, this one's cursor over the stream on
// which all record whose access ended. What others recorded is told to everything here that
// remembers or holds access.
//
// It is a reader like any other: live by the bus within milliseconds, and from the log where a
// message was lost. How well it knows is a moment: fresh() is false where the log has not confirmed
// for kPatience that nothing is missing. Then the node fails closed: it delivers nothing
// (stream::GatedStore, stream::Hub) until it knows again. Lives on one loop; fresh() on any
// thread.
#pragma once

#include "api/access_changes.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "stream/local_hub.hpp"

#include <atomic>
#include <memory>

namespace indaba::api {

// The stream, made where there is none; by whichever node comes first.
[[nodiscard]] Result<StreamId> find_or_make_access_stream(db::WriteTx& tx, const Clock& clock,
                                                          Random& random);

class AccessFollower final : public stream::Reader {
 public:
  // The promise is ten seconds without the bus; this leaves time for what is under way.
  static constexpr Millis kPatience{8'000};

  // All outlive this.
  AccessFollower(const AccessChanges& changes, const Clock& clock, Logger& log)
      : changes_(changes), clock_(clock), log_(log) {}

  // On the hub's loop. `ready` is called once the follower knows from where on it hears everything:
  // what is remembered before that may be wrong for ever.
  void start(stream::LocalHub& hub, std::function<void()> ready);
  void stop() { subscription_.reset(); }
  // The log said at `asked`, or later, that the stream's head is `head`.
  void looked(MonoTime asked, Seq head);

  [[nodiscard]] bool fresh() const {
    return clock_.mono() - MonoTime(Millis(known_at_.load(std::memory_order_relaxed))) <= kPatience;
  }

 private:
  [[nodiscard]] bool can_take() const override { return true; }
  void on_subscribed(stream::Subscription&, const stream::StreamState&, Seq since) override;
  void on_reset(stream::Subscription&, stream::ResetReason reason,
                const stream::StreamState& state) override;
  void on_event(stream::Subscription&, stream::Rendering& rendering) override;
  void on_gone(stream::Subscription&) override;
  void moved();
  void know(MonoTime at) {
    known_at_.store(at.time_since_epoch().count(), std::memory_order_relaxed);
  }

  const AccessChanges& changes_;
  const Clock& clock_;
  Logger& log_;
  std::unique_ptr<stream::Subscription> subscription_;
  std::function<void()> ready_;
  MonoTime started_at_{};
  Seq position_;
  MonoTime asked_{};  // the newest look that found events which have not come yet
  Seq wanted_;
  std::atomic<std::int64_t> known_at_{0};
};

}  // namespace indaba::api
