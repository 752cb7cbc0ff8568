// The frames of the protocol itself, as clients send them. Each struct is both the reader's rule
// and the documentation's schema.
#pragma once

#include "api/frames.hpp"
#include "base/reflect.hpp"

#include <boost/describe.hpp>
#include <optional>
#include <string>

namespace indaba::gateway {

struct SubscribeFrame {
  std::optional<json::Text<1, 300>> stream;
  std::optional<json::Int<0, kMaxSeq.value>> since;
  std::optional<json::Text<0, 64>> epoch;
  std::optional<json::Int<0, 500>> last;
};
BOOST_DESCRIBE_STRUCT(SubscribeFrame, (), (stream, since, epoch, last))

struct UnsubscribeFrame {
  std::optional<json::Text<1, 300>> stream;
};
BOOST_DESCRIBE_STRUCT(UnsubscribeFrame, (), (stream))

struct AckFrame {
  std::optional<json::Text<1, 300>> stream;
  json::Int<0, kMaxSeq.value> seq;
};
BOOST_DESCRIBE_STRUCT(AckFrame, (), (stream, seq))

struct AuthFrame {
  json::Text<1, 16384> token;
};
BOOST_DESCRIBE_STRUCT(AuthFrame, (), (token))

struct PresenceFrame {
  std::optional<json::Text<1, 300>> stream;
};
BOOST_DESCRIBE_STRUCT(PresenceFrame, (), (stream))

struct TypingFrame {
  std::optional<json::Text<1, 300>> stream;
  bool is_typing = false;
};
BOOST_DESCRIBE_STRUCT(TypingFrame, (), (stream, is_typing))

struct PingFrame {};
BOOST_DESCRIBE_STRUCT(PingFrame, (), ())

// Puts these frames into the table that the API's description is made from; the session serves them
// itself.
void document_frames(api::Frames& frames);

}  // namespace indaba::gateway
