// Opcodes of RFC 6455, section 5.2. All others are reserved and fail a connection.
#pragma once

#include <cstdint>

namespace indaba::ws {

enum class Opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

[[nodiscard]] constexpr bool is_control(Opcode opcode) noexcept {
  return (static_cast<std::uint8_t>(opcode) & 0x8U) != 0;
}

[[nodiscard]] constexpr bool is_known_opcode(std::uint8_t nibble) noexcept {
  return nibble <= 0x2 || (nibble >= 0x8 && nibble <= 0xA);
}

// A control frame's payload is never longer (RFC 6455, section 5.5).
inline constexpr std::size_t kMaxControlPayload = 125;

}  // namespace indaba::ws
