// The wire formats of events: how the one JSON object looks to a WebSocket, to a compressed one, to
// SSE and to a long poll.
//
// One set a loop; their addresses key the frames that are kept with an event
// (stream/rendering.hpp).
#pragma once

#include "stream/rendering.hpp"
#include "ws/deflate.hpp"

namespace indaba::gateway {

// A WebSocket text frame.
class TextFormat final : public stream::WireFormat {
 public:
  [[nodiscard]] net::Frame wrap(std::string_view json) override;
};

// The same through permessage-deflate: compressed once for all who negotiated it.
class DeflatedFormat final : public stream::WireFormat {
 public:
  explicit DeflatedFormat(ws::Deflater& deflater) : deflater_(deflater) {}
  [[nodiscard]] net::Frame wrap(std::string_view json) override;

 private:
  ws::Deflater& deflater_;
};

// "data: …\n\n"; the reader writes its own "id:" line before it.
class SseFormat final : public stream::WireFormat {
 public:
  [[nodiscard]] net::Frame wrap(std::string_view json) override;
};

class JsonFormat final : public stream::WireFormat {
 public:
  [[nodiscard]] net::Frame wrap(std::string_view json) override;
};

}  // namespace indaba::gateway
