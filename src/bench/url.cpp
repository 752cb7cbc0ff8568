#include "bench/url.hpp"

#include "base/text.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>

namespace indaba::bench {

namespace {

Error bad_url(std::string_view text, std::string_view why) {
  return Error(ErrorKind::invalid, fmt::format("\"{}\" {}", text, why));
}

sockaddr_in as_v4(const Address& address) {
  sockaddr_in v4{};
  std::memcpy(&v4, &address.storage, sizeof v4);
  return v4;
}

}  // namespace

std::string Url::authority() const {
  const auto shown = host.find(':') == std::string::npos ? host : '[' + host + ']';
  return port == "80" ? shown : shown + ':' + port;
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  const auto scheme_end = text.find("://");
  const auto scheme = text.substr(0, scheme_end);
  if (scheme == "wss" || scheme == "https")
    return bad_url(text, "needs TLS, which this program does not speak: measure behind it");
  if (scheme_end == std::string_view::npos || (scheme != "ws" && scheme != "http"))
    return bad_url(text, "is no ws:// or http:// URL");
  url.websocket = scheme == "ws";
  auto rest = text.substr(scheme_end + 3);
  const auto target = rest.find_first_of("/?");
  if (target != std::string_view::npos) {
    url.target = rest.substr(target, rest.find('#') - target);
    if (url.target.starts_with('?')) url.target.insert(0, "/");
    rest = rest.substr(0, target);
  }
  const auto bracket = rest.starts_with('[') ? rest.find(']') : std::string_view::npos;
  const auto colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  url.host =
      bracket == std::string_view::npos ? rest.substr(0, colon) : rest.substr(1, bracket - 1);
  url.port = colon == std::string_view::npos ? "80" : rest.substr(colon + 1);
  const auto port = text::parse_int64(url.port);
  if (url.host.empty()) return bad_url(text, "names no host");
  if (!port || *port < 1 || *port > 65535) return bad_url(text, "has no port between 1 and 65535");
  for (const char c : url.target)
    if (c <= ' ' || c == '\x7f') return bad_url(text, "has a character that must be escaped");
  return url;
}

bool Address::is_loopback_v4() const noexcept {
  if (storage.ss_family != AF_INET) return false;
  return ntohl(as_v4(*this).sin_addr.s_addr) >> 24U == 127;
}

Result<Address> resolve(const Url& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found); code != 0)
    return Error(ErrorKind::unavailable,
                 fmt::format("cannot find {}: {}", url.host, ::gai_strerror(code)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, &::freeaddrinfo);
  // "localhost" is both ::1 and 127.0.0.1; servers listen on the second more often.
  const addrinfo* chosen = all.get();
  for (const auto* each = all.get(); each != nullptr; each = each->ai_next)
    if (each->ai_family == AF_INET && chosen->ai_family != AF_INET) chosen = each;
  Address address;
  address.size = chosen->ai_addrlen;
  std::memcpy(&address.storage, chosen->ai_addr, chosen->ai_addrlen);
  return address;
}

Address loopback_source(std::size_t index) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl((127U << 24U) + 2 + static_cast<std::uint32_t>(index));
  Address address;
  address.size = sizeof v4;
  std::memcpy(&address.storage, &v4, sizeof v4);
  return address;
}

}  // namespace indaba::bench
