// The bytes in front of a frame's payload (RFC 6455, section 5.2): written for the server's frames,
// read from a client's.
#pragma once

#include "net/frame.hpp"
#include "ws/close_code.hpp"
#include "ws/opcode.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace indaba::ws {

// A server's header has no mask, so that one frame serves every reader.
inline constexpr std::size_t kMaxServerHeader = 10;
inline constexpr std::size_t kMaxClientHeader = 14;

struct ServerHeader {
  std::array<char, kMaxServerHeader> bytes{};
  std::uint8_t size = 0;
  [[nodiscard]] std::string_view view() const noexcept { return {bytes.data(), size}; }
};

// Of one whole, unfragmented frame. `compressed` sets RSV1.
[[nodiscard]] ServerHeader server_header(Opcode opcode, std::size_t payload_size,
                                         bool compressed = false) noexcept;

// Header and payload as the bytes that go out.
[[nodiscard]] net::Frame make_frame(Opcode opcode, std::string_view payload,
                                    bool compressed = false);
[[nodiscard]] net::Frame make_close_frame(CloseCode code, std::string_view reason);

struct ClientHeader {
  bool fin = false;
  bool rsv1 = false;
  Opcode opcode = Opcode::continuation;
  std::uint64_t payload_size = 0;
  std::array<std::uint8_t, 4> mask{};
};

enum class HeaderStatus : std::uint8_t { need_more, done, broken };
struct HeaderParse {
  HeaderStatus status = HeaderStatus::need_more;
  std::uint8_t size = 0;         // bytes of the header, where it is done
  std::string_view broken_rule;  // a sentence, where it is broken (always a protocol error)
};

// Reads a client's header from the first bytes of a frame, and refuses what no state of a
// connection would allow: RSV2, RSV3, reserved opcodes, control frames that are fragmented,
// compressed or long, no mask, a length that is not minimal or has its highest bit set. It refuses
// as soon as the guilty byte is there.
[[nodiscard]] HeaderParse parse_client_header(std::span<const char> bytes,
                                              ClientHeader& out) noexcept;

// Masks or unmasks in place. `offset` is the position of the first byte in its frame's payload.
void apply_mask(std::span<char> bytes, const std::array<std::uint8_t, 4>& mask,
                std::uint64_t offset) noexcept;

}  // namespace indaba::ws
