// Gateway: what all live readers share: settings, who may read what, and where sessions are found
// again.
//
// Made once at start-up. Its parts are safe on any thread, but for the LoopContexts, each of which
// belongs to its loop.
#pragma once

#include "api/access_changes.hpp"
#include "api/acks.hpp"
#include "api/checks.hpp"
#include "api/frames.hpp"
#include "api/stream_names.hpp"
#include "auth/socket_authenticator.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "gateway/connection_limits.hpp"
#include "gateway/event_cursor.hpp"
#include "gateway/loop_context.hpp"
#include "gateway/open_sessions.hpp"
#include "gateway/resume.hpp"
#include "gateway/session_exchange.hpp"
#include "gateway/settings.hpp"
#include "gateway/socket_stats.hpp"
#include "http/cors.hpp"
#include "presence/followed_streams.hpp"
#include "presence/typing.hpp"
#include "presence/views.hpp"

#include <atomic>
#include <memory>
#include <vector>

namespace indaba::gateway {

class Gateway {
 public:
  struct Parts {  // all outlive the gateway
    const Clock& clock;
    Random& random;
    Logger& log;
    auth::SocketAuthenticator& authenticator;
    const api::StreamNames& names;
    const api::Frames& frames;
    ResumeStore& resume;
    presence::Presence& presence;
    presence::Views& presence_views;
    presence::FollowedStreams& followed;
    presence::Typing& typing;
    const EventCursor& cursors;
    const http::AllowedOrigins& origins;
    api::RateLimiter& limiter;
    const api::RateLimits& rates;
    api::AckListener& acks;
  };
  Gateway(const Parts& given, const SocketSettings& settings)
      : parts(given), limits(settings.connections), initial_(settings) {}

  LoopContext& add_loop(net::Loop& loop, stream::LocalHub& hub);
  // The context of the loop that is running now.
  [[nodiscard]] LoopContext& here();
  [[nodiscard]] const std::vector<std::unique_ptr<LoopContext>>& contexts() const noexcept {
    return contexts_;
  }

  // Any thread: other limits from now on. Connections that are open stay, and obey the new ones.
  void reload(const SocketSettings& settings);
  // Any thread: every loop ends what the change ends.
  void tell(const api::AccessChange& change);
  // Refuses new readers from now on, and sends all others away, spread over `within`.
  void drain(Millis within);
  // A random moment, in ms, so that those who are sent away do not come back at once.
  [[nodiscard]] std::int64_t reconnect_after() const;
  [[nodiscard]] bool draining() const noexcept { return draining_.load(std::memory_order_relaxed); }

  // 88 random bits in 15 characters: as long as a string may be that needs no memory of its own.
  [[nodiscard]] std::string new_session_uuid() const;
  [[nodiscard]] std::string new_id(std::size_t bytes) const;  // hex

  // At start-up, where there are other nodes: sessions move between them.
  void share_sessions(cluster::Cluster& cluster) {
    exchange = std::make_unique<SessionExchange>(cluster, open_sessions, parts.resume);
  }

  const Parts parts;
  ConnectionLimits limits;
  OpenSessions open_sessions;
  std::unique_ptr<SessionExchange> exchange;  // nullptr: there are no others
  SocketStats stats;

 private:
  const SocketSettings initial_;
  std::vector<std::unique_ptr<LoopContext>> contexts_;
  std::atomic<bool> draining_{false};
};

}  // namespace indaba::gateway
