// LiveSubscriptions: what one socket follows, and how far it is known to have received each stream.
//
// Lives on its socket's loop. A position is known to be received by the client's `ack`, or else by
// the answer to a ping that was written behind it; that is what a resumed session goes on from, so
// an event near the seam may come twice, never not at all.
#pragma once

#include "api/stream_names.hpp"
#include "gateway/frame_text.hpp"
#include "presence/followed_streams.hpp"
#include "stream/subscription.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::gateway {

struct LiveSubscription {
  std::unique_ptr<stream::Subscription> subscription;
  OrgId org;
  bool durable = true;
  stream::Start start;  // where it is to begin, until it has
  Seq acked;            // by the client
  Seq pinged;           // written before the last ping
  Seq confirmed;        // written before the last ping that was answered
  presence::FollowedStreams::Follow follow;
  std::unique_ptr<AnswerTo> answer;  // for the `subscribed` that is still to come
  // By which it was subscribed before; none for nearly all.
  std::unique_ptr<std::vector<std::string>> other_names;

  [[nodiscard]] bool had_name(std::string_view name) const noexcept;
  [[nodiscard]] bool has_position() const noexcept {
    return subscription->started() || start.since.has_value();
  }
};

// Whether it wins over what was saved.
[[nodiscard]] inline bool asks_for_a_position(const stream::Start& start) {
  return start.since.has_value() || start.last > 0;
}

// A position worth coming back to.
struct SavedPosition {
  std::string stream;  // by the name the reader uses
  Seq seq;
  std::string epoch;
  StreamId id;  // none: saved by a version that knew the name alone
  OrgId org;    // none too where it is of one user, or of two

  [[nodiscard]] bool is_of(const api::ResolvedStream& resolved) const noexcept {
    return id ? id == resolved.id : stream == resolved.name;
  }
};

class LiveSubscriptions {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
  [[nodiscard]] LiveSubscription* find(StreamId stream) noexcept;
  [[nodiscard]] LiveSubscription* find(const stream::Subscription& subscription) noexcept;
  [[nodiscard]] LiveSubscription* find(std::string_view name) noexcept;
  LiveSubscription& add(LiveSubscription subscription);
  // The same stream under a new subscription, which is still found by the names of the old one.
  LiveSubscription& replace(const LiveSubscription& old, LiveSubscription subscription);
  void remove(const LiveSubscription& subscription);
  void clear() noexcept { all_.clear(); }

  void on_ping_written() noexcept;
  // True where more is known to have been received than before.
  bool on_pong() noexcept;
  // Of those that have one: what has not begun, and was not asked to begin at a position, has none.
  [[nodiscard]] std::vector<SavedPosition> positions() const;
  [[nodiscard]] bool all_have_positions() const noexcept;

  [[nodiscard]] auto begin() noexcept { return all_.begin(); }
  [[nodiscard]] auto end() noexcept { return all_.end(); }

 private:
  std::vector<LiveSubscription> all_;
};

}  // namespace indaba::gateway
