// WebSocket frames as a client sees them (RFC 6455, section 5.2): written masked, read in place.
//
// Deliberately not the server's own codec: a client that shared it would not see its mistakes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace indaba::bench {

enum Opcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

struct Frame {
  std::uint8_t opcode = 0;
  bool final = false;
  bool compressed = false;  // RSV1
  std::string_view payload;
};

enum class FrameStatus : std::uint8_t { complete, incomplete, broken };

// Takes one frame off the front of `bytes`. `broken`: what no server may send (masked, a reserved
// bit, an unknown opcode, a control frame that is long or in fragments).
[[nodiscard]] FrameStatus take_frame(std::string_view& bytes, Frame& frame);
void append_frame(std::string& out, Opcode opcode, std::string_view payload, std::uint32_t mask);
// 1005 where the Close frame has none.
[[nodiscard]] int close_code(std::string_view payload);

// The Sec-WebSocket-Accept that belongs to a key (section 4.2.2).
[[nodiscard]] std::string accept_of(std::string_view key);

}  // namespace indaba::bench
