// Where to connect: ws://host[:port]/path?query or http://…, and the address behind the name.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace indaba::bench {

struct Url {
  bool websocket = false;
  std::string host;
  std::string port;
  std::string target = "/";  // path and query

  [[nodiscard]] std::string authority() const;  // as the Host header has it
  [[nodiscard]] std::string path() const { return target.substr(0, target.find('?')); }
};

[[nodiscard]] Result<Url> parse_url(std::string_view text);

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] bool is_loopback_v4() const noexcept;
};

// Blocks on the resolver: before anything is measured.
[[nodiscard]] Result<Address> resolve(const Url& url);
// 127.0.0.(2 + index), index < 250: one of the sources that share the load of ports.
[[nodiscard]] Address loopback_source(std::size_t index);

}  // namespace indaba::bench
