// A response as bytes.
//
// The framing fields (Content-Length, Connection, Date, Transfer-Encoding) are written here and
// nowhere else: what a handler says of them is dropped, so that no handler can desynchronise a
// connection. No value can end its line: control characters become spaces, and a field whose name
// is no token is left out.
#pragma once

#include "http/message.hpp"

#include <string>
#include <string_view>

namespace indaba::http {

struct ResponseFraming {
  bool head_request = false;  // the length is told, the body is not sent
  int version_minor = 1;      // of the request
  bool keep_alive = true;     // of the request; Response::close overrules it
  bool secure = false;        // over TLS: adds Strict-Transport-Security
  std::string_view date;      // IMF-fixdate, as format_http_date() gives it
};

// Status line, headers and body; of a body in pieces, its length alone. 204 and 304 have no body
// and no length.
void append_response(std::string& out, const Response& response, const ResponseFraming& framing);

// The head of a response that ends with its connection (an event stream).
void append_stream_head(std::string& out, const Response& response, const ResponseFraming& framing);

// The fields as lines, cleaned as above.
void append_fields(std::string& out, const Headers& headers);

// "Sun, 06 Nov 1994 08:49:37 GMT"
[[nodiscard]] std::string format_http_date(std::int64_t unix_seconds);

[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

// Sent where a request waits with its body (Expect: 100-continue) and may go on.
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace indaba::http
