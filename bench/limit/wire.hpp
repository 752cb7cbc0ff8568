// The little of RFC 6455 that a server for benchmarks needs: the handshake, clients' masked frames,
// and frames of its own.
//
// Written for this program alone. It shares no code with Indaba, so that the limit which Indaba is
// compared with cannot inherit what is slow there. No fragments, no extensions, no checks beyond
// memory safety: the limit does the least that works.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace limit {

// The head of a WebSocket request; the views point into the text that was parsed.
struct Handshake {
  std::string_view path;
  std::string_view key;
  std::size_t bytes = 0;  // the head's length, its empty line included
};

// Nothing until the head is complete; a handshake without a key is a request that is none.
std::optional<Handshake> parse_handshake(std::string_view text);

// The 101 for this key.
std::string handshake_answer(std::string_view key);

enum class Opcode : std::uint8_t { kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

struct Frame {
  Opcode opcode = Opcode::kText;
  std::string_view payload;  // unmasked in place
  std::size_t bytes = 0;     // header and payload
};

// The frame at the beginning of `size` bytes at `data`, unmasked where it lies; nothing until it is
// complete.
std::optional<Frame> take_frame(char* data, std::size_t size);

void append_frame(std::string& out, Opcode opcode, std::string_view payload);

}  // namespace limit
