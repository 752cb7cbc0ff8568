// RequestParser: the requests of one connection, one after the other, as their bytes arrive.
//
// Owner: a connection; lives on its loop. It takes the bytes of one request and not one more: what
// is behind them (the next request, a WebSocket's frames) stays with the caller. Memory is held
// only while a request is arriving. What is refused closes the connection, because where the next
// request would start is not known: every doubt about framing is an error here and never a guess.
#pragma once

#include "base/live.hpp"
#include "http/head_scanner.hpp"
#include "http/message.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace indaba::http {

struct ParserLimits {
  HeadLimits head;
  Live<std::size_t> body_bytes = 1024 * 1024;  // 413
};

class RequestParser {
 public:
  enum class State : std::uint8_t {
    need_more,     // of the head or, after headers_done, of the body
    headers_done,  // a body follows: look at request(), set_body_limit(), perhaps answer kContinue,
                   // then feed() on
    complete,      // take() it
    error,         // answer error() and close
  };

  // `limits` outlives the parser.
  explicit RequestParser(const ParserLimits& limits) noexcept;
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;
  ~RequestParser();

  // Returns how many bytes were taken. Stops at headers_done, complete and error.
  [[nodiscard]] std::size_t feed(std::string_view bytes);
  [[nodiscard]] State state() const noexcept { return state_; }

  // Has any byte of a request arrived that is not taken yet? (The connection is not idle.)
  [[nodiscard]] bool started() const noexcept { return in_progress_ != nullptr; }

  // From headers_done on; its body grows while it arrives.
  [[nodiscard]] const Request& request() const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;  // where it is known
  [[nodiscard]] bool expects_continue() const noexcept;
  // For this request only. A body that is known to be longer fails with 413 at the next feed(),
  // before it is read.
  void set_body_limit(std::size_t bytes) noexcept;

  [[nodiscard]] const RequestError& error() const noexcept { return error_; }

  // The complete request. The parser is ready for the next one.
  [[nodiscard]] Request take();

 private:
  struct InProgress;

  std::size_t feed_head(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes);
  std::size_t fail(RequestError error, std::size_t taken);

  const ParserLimits* limits_;
  std::unique_ptr<InProgress> in_progress_;
  RequestError error_;
  State state_ = State::need_more;
};

}  // namespace indaba::http
