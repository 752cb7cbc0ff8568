// From the bytes of a complete request head to a Request, and to how its body is framed.
//
// Boost.Beast reads the grammar. What it is lenient about is refused here: framing that another
// parser could read differently (RFC 9112, section 11.2), more than one Host, and targets that hide
// what they mean.
#pragma once

#include "http/head_scanner.hpp"
#include "http/message.hpp"

#include <cstdint>
#include <string_view>

namespace indaba::http {

struct BodyFraming {
  enum class Kind : std::uint8_t { none, length, chunked };
  Kind kind = Kind::none;
  std::uint64_t length = 0;
  bool expects_continue = false;
};

// `head` ends with its empty line, and a HeadScanner has passed it.
[[nodiscard]] RequestError parse_request_head(std::string_view head, Request& request,
                                              BodyFraming& framing);

// A request target apart. The path is decoded and means what it says: no NUL, no encoded slash, no
// dot segment, valid UTF-8.
struct Target {
  std::string path;
  std::string query;
  std::string authority;  // of an absolute URI, else empty
};
[[nodiscard]] RequestError parse_target(std::string_view target, Method method, Target& out);

}  // namespace indaba::http
