// Changes: tells those who follow a stream who of its people came and went: what gathered
// in a second, in one frame a stream, made once for all who get it.
//
// The notification stream of an organisation and its public rooms name its members, a private room
// those who are in it, a conversation the other one. Where there are more than 200, the frame has
// only the number of those who are online. Frames are signs (stream/publisher.hpp): whoever is
// behind misses them, and asks.
//
// gather() runs once a second on one loop, and starts again only when it has ended.
#pragma once

#include "base/log.hpp"
#include "presence/followed_streams.hpp"
#include "presence/stream_audiences.hpp"
#include "stream/publisher.hpp"

#include <atomic>
#include <span>
#include <string>
#include <unordered_map>

namespace indaba::presence {

class Changes {
 public:
  static constexpr Millis kGather{1'000};
  static constexpr std::int64_t kMostNamed = 200;  // members of a stream; above, only the number

  struct Parts {  // all outlive this
    Presence& presence;
    Source& source;
    StreamAudiences& audiences;
    const FollowedStreams& followed;
    stream::SignPublisher& publisher;
    Logger& log;
  };
  explicit Changes(const Parts& parts) : parts_(parts) {}

  Task<void> gather();
  // Writes when those who went were last seen. Every few seconds, and at the end of everyone.
  Task<void> save();
  Task<void> save_everyone();

  [[nodiscard]] std::uint64_t changes() const noexcept {
    return changes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t frames() const noexcept {
    return frames_.load(std::memory_order_relaxed);
  }

 private:
  using Gathered = std::span<const PresenceChange>;
  using Bodies = std::unordered_map<OrgId, std::string>;

  Task<void> place_newcomers();
  Task<void> tell_groups(Gathered changes, const std::vector<FollowedStreams::Followed>& followed);
  Task<void> tell_peers(Gathered changes, const std::vector<FollowedStreams::Followed>& followed);
  // What the frame says; "" where none of its people changed.
  [[nodiscard]] std::string body_for(const Audience& audience, Gathered changes,
                                     Bodies& bodies) const;
  void publish(StreamId stream, std::string body, UserId except = {});

  const Parts parts_;
  std::atomic<std::uint64_t> changes_{0};
  std::atomic<std::uint64_t> frames_{0};
};

}  // namespace indaba::presence
