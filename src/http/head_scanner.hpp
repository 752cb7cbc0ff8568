// HeadScanner: finds the end of a request's head (request line and header fields) while it arrives,
// and refuses early what must never reach a parser.
//
// It holds the size limits, and the strictness that keeps two parsers on one connection (a proxy's
// and ours) of one mind: every line ends with CR LF, no other CR, LF or NUL, no folded line. It
// looks at each byte once, however the head is cut.
#pragma once

#include <cstddef>
#include <string_view>

namespace indaba::http {

struct HeadLimits {
  std::size_t target_bytes = 8 * 1024;      // 414
  std::size_t field_line_bytes = 8 * 1024;  // 431
  std::size_t head_bytes = 32 * 1024;       // 431, request line and all
  std::size_t fields = 100;                 // 431
};

// Why a request is refused. The connection closes behind the answer: where the next request would
// start is not known.
struct RequestError {
  int status = 0;  // 0: nothing is wrong
  std::string_view sentence;
  [[nodiscard]] explicit operator bool() const noexcept { return status != 0; }
};
[[nodiscard]] constexpr RequestError bad_request(std::string_view sentence) noexcept {
  return {400, sentence};
}

class HeadScanner {
 public:
  explicit HeadScanner(const HeadLimits& limits) noexcept : limits_(&limits) {}

  // `head` is everything from the head's first byte to the last that has arrived: always the same
  // bytes, and more.
  [[nodiscard]] RequestError scan(std::string_view head) noexcept;

  [[nodiscard]] bool done() const noexcept { return done_; }
  // The head itself, once it is done: without the empty lines that a client may send in front of
  // it.
  [[nodiscard]] std::size_t begin() const noexcept { return begin_; }
  [[nodiscard]] std::size_t end() const noexcept { return line_; }

 private:
  [[nodiscard]] RequestError take_line(std::string_view line) noexcept;
  [[nodiscard]] RequestError check_length(std::size_t line_bytes) const noexcept;
  [[nodiscard]] RequestError check_request_line(std::string_view line) const noexcept;

  const HeadLimits* limits_;
  std::size_t begin_ = 0;     // of the request line
  std::size_t line_ = 0;      // start of the line that is arriving
  std::size_t searched_ = 0;  // no line ends before this
  std::size_t fields_ = 0;
  bool has_request_line_ = false;
  bool done_ = false;
};

}  // namespace indaba::http
