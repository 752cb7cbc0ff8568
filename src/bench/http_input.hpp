// What an HTTP client reads: the head of an answer, chunks, and the blocks of an event stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace indaba::bench {

struct AnswerHead {
  int status = 0;
  std::size_t size = 0;  // with the empty line
  bool chunked = false;
  std::optional<std::size_t> length;
  std::string_view accept;      // Sec-WebSocket-Accept
  std::string_view extensions;  // Sec-WebSocket-Extensions
};

enum class HeadStatus : std::uint8_t { complete, incomplete, broken };

[[nodiscard]] HeadStatus read_head(std::string_view bytes, AnswerHead& head);

// Takes the framing of `Transfer-Encoding: chunked` out of bytes as they come. A few bytes of state
// a connection.
class ChunkDecoder {
 public:
  // Moves the payload to the front of `bytes` and returns its size.
  std::size_t decode(std::span<char> bytes);
  [[nodiscard]] bool ended() const noexcept { return state_ == State::ended; }
  [[nodiscard]] bool broken() const noexcept { return state_ == State::broken; }

 private:
  enum class State : std::uint8_t { size, extension, data, data_end, trailer, ended, broken };
  void take_size_byte(char c);
  void end_size_line();

  std::uint64_t left_ = 0;
  State state_ = State::size;
  bool has_digit_ = false;
  bool line_is_empty_ = true;
};

// Takes one block of an event stream, up to its empty line, off the front; nullopt where it is not
// complete yet.
[[nodiscard]] std::optional<std::string_view> take_block(std::string_view& bytes);

}  // namespace indaba::bench
