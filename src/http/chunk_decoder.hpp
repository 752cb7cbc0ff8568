// ChunkDecoder: a chunked body (RFC 9112, section 7.1) as it arrives.
//
// Ours and not Beast's, which takes chunk extensions of any length, keeps trailers as if they were
// headers, and asserts on a last chunk that arrives in pieces. Extensions are short and ignored;
// trailers are bounded and dropped; everything else is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace indaba::http {

class ChunkDecoder {
 public:
  enum class Status : std::uint8_t { need_more, done, broken, too_large };

  // Takes bytes off the front of `in` and appends the body's to `out`, which never grows beyond
  // `limit`. Stops behind the last line.
  [[nodiscard]] Status feed(std::string_view& in, std::string& out, std::size_t limit);

 private:
  enum class Phase : std::uint8_t { size, data, data_end, trailer, done };

  // Gathers a line without its CR LF. false: it is too long, or ends with a bare LF.
  [[nodiscard]] bool take_line(std::string_view& in, std::size_t max_bytes, bool& complete);
  [[nodiscard]] Status read_size_line(std::size_t room);

  std::string line_;
  std::uint64_t remaining_ = 0;  // of the chunk
  std::size_t trailer_bytes_ = 0;
  Phase phase_ = Phase::size;
};

}  // namespace indaba::http
