// A request and a response as values. Nothing here knows sockets.
#pragma once

#include "base/result.hpp"
#include "base/task.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace indaba::net {
class Connection;
}

namespace indaba::http {

enum class Method : std::uint8_t { get, head, post, put, patch, delete_, options };
[[nodiscard]] std::string_view to_string(Method method) noexcept;
[[nodiscard]] std::optional<Method> parse_method(std::string_view token) noexcept;

// Header fields in order of arrival. Names are kept in lower case; a lookup takes lower case.
class Headers {
 public:
  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);
  [[nodiscard]] std::optional<std::string_view> find(
      std::string_view name) const noexcept;  // the first one
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
  // Is `token` an element of the comma-separated list in all fields of that name
  // (case-insensitive)?
  [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const noexcept;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& fields() const noexcept {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  Method method = Method::get;
  std::string target;     // as it came: path and query
  std::string path;       // percent-decoded; valid UTF-8 without NUL
  std::string query;      // raw, without "?"; never logged
  int version_minor = 1;  // HTTP/1.x
  bool keep_alive = true;
  Headers headers;
  std::string body;
  std::string client_address;  // of the client itself, where a trusted proxy named it
  bool secure = false;         // reached us (or the trusted proxy) over TLS
  std::string request_id;
};

// A body that need not be in memory: the next piece is asked for when the connection has sent the
// one before. An empty piece, an error, or more than `length` bytes end the connection: whoever
// reads knows by the length that something is missing.
struct BodyPieces {
  std::uint64_t length = 0;
  // No coroutine itself: the task has all that it needs, for this may go while it is under way. It
  // is kept until the last piece is sent, or the connection is gone.
  std::move_only_function<Task<Result<std::string>>()> next;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  std::optional<BodyPieces> pieces;  // instead of `body`
  bool close = false;                // close the connection behind this response
  // Set for responses that never end (WebSocket, SSE): nothing is written, the function takes the
  // connection over, on its loop. A pointer, for libstdc++ 12 asks for the size of what a reference
  // parameter names.
  std::move_only_function<void(net::Connection*)> take_over;
};

// The name=value pairs of a query string, percent-decoded, in order. nullopt where the encoding is
// broken.
using QueryPairs = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::optional<QueryPairs> parse_query(std::string_view query);
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

}  // namespace indaba::http
