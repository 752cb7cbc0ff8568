// Endpoint: one server as connections of one kind reach it. Made before the processes are;
// read-only afterwards.
#pragma once

#include "base/result.hpp"
#include "bench/url.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::bench {

enum class Protocol : std::uint8_t {
  websocket,
  event_stream,  // one GET whose answer does not end
  http_post,     // one request after the other on a kept connection
};

struct Endpoint {
  Protocol protocol = Protocol::websocket;
  Url url;
  Address address;
  std::string headers;      // lines, each with its end
  std::string accept;       // what a WebSocket's answer must hold
  bool compress = false;    // offers permessage-deflate
  int receive_buffer = 0;   // bytes for SO_RCVBUF, 0 for the kernel's own
  std::size_t sources = 1;  // loopback addresses to connect from; 1 leaves it to the kernel

  // `headers`: "Name: value" each. ErrorKind::invalid where one is no header.
  [[nodiscard]] static Result<Endpoint> make(Protocol protocol, Url url,
                                             const std::vector<std::string>& headers,
                                             std::string_view token, bool compress);

  // The request that opens a connection to `target`.
  [[nodiscard]] std::string opening(std::string_view target) const;
  void append_post(std::string& out, std::string_view body) const;
};

}  // namespace indaba::bench
