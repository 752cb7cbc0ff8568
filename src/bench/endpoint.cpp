#include "bench/endpoint.hpp"

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "bench/ws_frames.hpp"

#include <fmt/format.h>
#include <iterator>

namespace indaba::bench {

namespace {

Result<std::string_view> header_name(std::string_view line) {
  const auto colon = line.find(':');
  const bool has_break = line.find_first_of("\r\n") != std::string_view::npos;
  if (colon == 0 || colon == std::string_view::npos || has_break)
    return Error(ErrorKind::invalid,
                 fmt::format("\"{}\" is no header of the form 'Name: value'", line));
  return line.substr(0, colon);
}

}  // namespace

Result<Endpoint> Endpoint::make(Protocol protocol, Url url, const std::vector<std::string>& headers,
                                std::string_view token, bool compress) {
  Endpoint made;
  made.protocol = protocol;
  made.compress = compress;
  INDABA_TRY(made.address, resolve(url));
  made.headers = fmt::format("Host: {}\r\n", url.authority());
  bool has_authorization = false;
  bool has_content_type = false;
  for (const auto& line : headers) {
    INDABA_TRY(const auto name, header_name(line));
    has_authorization = has_authorization || text::equal_ignoring_case(name, "authorization");
    has_content_type = has_content_type || text::equal_ignoring_case(name, "content-type");
    made.headers += line + "\r\n";
  }
  if (!token.empty() && !has_authorization)
    made.headers += fmt::format("Authorization: Bearer {}\r\n", token);
  if (protocol == Protocol::websocket) {
    SystemRandom random;
    const auto key = text::to_base64(crypto::random_bytes(random, 16));
    made.accept = accept_of(key);
    made.headers += fmt::format(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: {}\r\n",
        key);
    if (compress)
      made.headers +=
          "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
          "client_no_context_takeover\r\n";
  } else if (protocol == Protocol::event_stream) {
    made.headers += "Accept: text/event-stream\r\n";
  } else if (!has_content_type) {
    made.headers += "Content-Type: application/json\r\n";
  }
  made.url = std::move(url);
  return made;
}

std::string Endpoint::opening(std::string_view target) const {
  if (protocol == Protocol::http_post) return {};
  return fmt::format("GET {} HTTP/1.1\r\n{}\r\n", target, headers);
}

void Endpoint::append_post(std::string& out, std::string_view body) const {
  fmt::format_to(std::back_inserter(out), "POST {} HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{}",
                 url.target, headers, body.size(), body);
}

}  // namespace indaba::bench
