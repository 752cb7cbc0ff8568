// SocketSettings: what the operator may decide about live readers. Each loop has a copy of its own,
// which is touched on that loop alone and changed there in place when the operator changes a limit.
#pragma once

#include "base/clock.hpp"
#include "gateway/connection_limits.hpp"
#include "ws/message_reader.hpp"

#include <cstddef>

namespace indaba::gateway {

struct SocketSettings {
  ConnectionLimitSettings connections;
  ws::ReaderSettings reader{.accept_binary = false};
  std::size_t subscriptions = 128;  // of one connection
  std::size_t outbox_bytes =
      32 * 1024;  // more than that waiting, and a reader catches up from the log instead
  int frames_per_second = 50;  // of one connection
  int typing_per_second = 5;   // … of them about typing
  int message_chars = 5000;
  int messages_per_minute = 60;
  bool rate_limits = true;
  Millis heartbeat{30'000};
  Millis pong_timeout{20'000};
  Millis stall_timeout{30'000};
  Millis session_ttl{600'000};
  bool compression = false;
  bool anonymous_counter = false;
  bool refuse_with_http = false;  // ws.refusal = "http"
};

}  // namespace indaba::gateway
