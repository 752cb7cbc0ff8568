// What tests and fuzz targets need to play a client: frames as a client sends them, and a handler
// that writes down what it is handed.
#pragma once

#include "ws/frame_header.hpp"
#include "ws/message_reader.hpp"

#include <fmt/format.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::ws::testing {

inline constexpr std::array<std::uint8_t, 4> kMask{0x37, 0xfa, 0x21, 0x3d};

struct ClientFrame {
  std::uint8_t opcode = 1;
  std::string payload;
  bool fin = true;
  std::uint8_t rsv = 0;  // RSV1 is 4, RSV2 is 2, RSV3 is 1
  bool masked = true;
  std::optional<std::uint64_t> told_size = std::nullopt;  // where it is not the payload's
  int length_bytes = -1;                                  // 0, 2 or 8; the shortest by default
};

inline std::string to_bytes(const ClientFrame& frame) {
  const std::uint64_t size = frame.told_size.value_or(frame.payload.size());
  const int length_bytes = frame.length_bytes >= 0 ? frame.length_bytes
                                                   : (size < 126       ? 0
                                                      : size <= 0xFFFF ? 2
                                                                       : 8);
  std::string bytes;
  bytes += static_cast<char>((frame.fin ? 0x80 : 0) | (frame.rsv << 4) | frame.opcode);
  const std::uint64_t short_size = length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127;
  bytes += static_cast<char>((frame.masked ? 0x80U : 0U) | short_size);
  for (int i = length_bytes - 1; i >= 0; --i)
    bytes += static_cast<char>((size >> static_cast<unsigned>(8 * i)) & 0xFFU);
  if (!frame.masked) return bytes + frame.payload;
  for (const std::uint8_t byte : kMask) bytes += static_cast<char>(byte);
  for (std::size_t i = 0; i < frame.payload.size(); ++i)
    bytes += static_cast<char>(static_cast<unsigned char>(frame.payload[i]) ^ kMask[i % 4]);
  return bytes;
}

inline std::string text(std::string_view payload, bool fin = true) {
  return to_bytes({.opcode = 1, .payload = std::string(payload), .fin = fin});
}
inline std::string binary(std::string_view payload, bool fin = true) {
  return to_bytes({.opcode = 2, .payload = std::string(payload), .fin = fin});
}
inline std::string more(std::string_view payload, bool fin = true) {
  return to_bytes({.opcode = 0, .payload = std::string(payload), .fin = fin});
}
inline std::string ping(std::string_view payload = {}) {
  return to_bytes({.opcode = 9, .payload = std::string(payload)});
}
inline std::string pong(std::string_view payload = {}) {
  return to_bytes({.opcode = 10, .payload = std::string(payload)});
}
inline std::string close(std::string_view payload = {}) {
  return to_bytes({.opcode = 8, .payload = std::string(payload)});
}
inline std::string close(int code, std::string_view reason = {}) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  return close(payload.append(reason));
}

// Everything that happened, one line each: "text hello", "ping ", "close 1000 bye", "failed 1002".
using Story = std::vector<std::string>;

class Recorder final : public MessageHandler {
 public:
  explicit Recorder(std::size_t stop_after = SIZE_MAX) : stop_after_(stop_after) {}
  bool on_text(std::string_view s) override { return note("text ", s); }
  bool on_binary(std::string_view s) override { return note("binary ", s); }
  bool on_ping(std::string_view s) override { return note("ping ", s); }
  bool on_pong(std::string_view s) override { return note("pong ", s); }
  bool on_close(CloseCode code, std::string_view reason) override {
    return note(fmt::format("close {} ", static_cast<int>(code)), reason);
  }
  Story story;

 private:
  bool note(std::string_view what, std::string_view payload) {
    story.push_back(std::string(what).append(payload));
    return story.size() < stop_after_;
  }
  std::size_t stop_after_;
};

// Feeds `bytes` in pieces of `step` until the reader stops.
inline Story tell(std::string_view bytes, std::size_t step, const ReaderSettings& settings = {},
                  Inflater* inflater = nullptr) {
  MessageReader reader(settings, inflater);
  Recorder recorder;
  while (!bytes.empty()) {
    std::string piece(bytes.substr(0, step));
    bytes.remove_prefix(piece.size());
    const ReadOutcome outcome = reader.read(piece, recorder);
    if (outcome.status == ReadOutcome::Status::failed)
      recorder.story.push_back(fmt::format("failed {}", static_cast<int>(outcome.code)));
    if (outcome.status != ReadOutcome::Status::open) break;
  }
  return recorder.story;
}

}  // namespace indaba::ws::testing
