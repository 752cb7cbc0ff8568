#include "gateway/client_frames.hpp"

namespace indaba::gateway {

void document_frames(api::Frames& frames) {
  frames.document<SubscribeFrame>(
      "subscribe",
      {.summary = "Follow a stream, from a position or from now on", .names_stream = false});
  frames.document<UnsubscribeFrame>("unsubscribe",
                                    {.summary = "Stop following a stream", .names_stream = false});
  frames.document<AckFrame>(
      "ack", {.summary = "This device has processed all up to `seq`", .names_stream = false});
  frames.document<AuthFrame>("auth",
                             {.summary = "Stay connected with a new token", .names_stream = false});
  frames.document<PresenceFrame>(
      "presence",
      {.summary = "Who is connected; answered by `presence_state`", .names_stream = false});
  frames.document<TypingFrame>(
      "typing",
      {.summary = "Whether one is writing in a room or conversation", .names_stream = false});
  frames.document<PingFrame>("ping", {.summary = "Answered by `pong`", .names_stream = false});
}

}  // namespace indaba::gateway
