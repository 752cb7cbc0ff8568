#include "ws/handshake.hpp"

#include "base/check.hpp"
#include "base/text.hpp"
#include "http/grammar.hpp"
#include "http/serializer.hpp"

#include <array>
#include <openssl/evp.h>

namespace indaba::ws {
namespace {

constexpr std::string_view kVersion = "13";
constexpr std::string_view kKeySalt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kKeyBytes = 16;
constexpr int kBadRequest = 400;
constexpr int kUpgradeRequired = 426;

std::string accept_key(std::string_view key) {
  const std::string salted = std::string(key).append(kKeySalt);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const int ok =
      EVP_Digest(salted.data(), salted.size(), digest.data(), &size, EVP_sha1(), nullptr);
  check(ok == 1, "SHA-1 is always there: RFC 6455 knows nothing else");
  return text::to_base64({reinterpret_cast<const char*>(digest.data()), size});
}

bool has_body(const http::Request& request) {
  if (!request.body.empty() || request.headers.count("transfer-encoding") > 0) return true;
  const auto length = request.headers.find("content-length");
  return length && length->find_first_not_of('0') != std::string_view::npos;
}

// "indaba.v1" if offered, else "Bearer" if offered. What stands behind "Bearer" is a token,
// whatever it looks like.
std::string choose_protocol(const std::vector<std::string>& offered) {
  bool bearer = false;
  for (std::size_t i = 0; i < offered.size(); ++i) {
    if (offered[i] == kIndabaProtocol) return offered[i];
    if (offered[i] == kBearerProtocol && !bearer) {
      bearer = true;
      ++i;
    }
  }
  return bearer ? std::string(kBearerProtocol) : std::string();
}

}  // namespace

std::vector<std::string> offered_protocols(const http::Headers& headers) {
  std::vector<std::string> offered;
  for (const auto& [name, value] : headers.fields()) {
    if (name != "sec-websocket-protocol") continue;
    for (std::string_view rest = value; !rest.empty();)
      if (const auto element = http::next_list_element(rest); !element.empty())
        offered.emplace_back(element);
  }
  return offered;
}

std::optional<std::string> bearer_token(const http::Headers& headers) {
  const auto offered = offered_protocols(headers);
  for (std::size_t i = 0; i + 1 < offered.size(); ++i)
    if (offered[i] == kBearerProtocol) return offered[i + 1];
  return std::nullopt;
}

std::variant<AcceptedUpgrade, RefusedUpgrade> check_upgrade(const http::Request& request,
                                                            const UpgradeSettings& settings) {
  const http::Headers& headers = request.headers;
  if (request.method != http::Method::get)
    return RefusedUpgrade{kBadRequest, "A WebSocket is opened with GET."};
  if (request.version_minor < 1) return RefusedUpgrade{kBadRequest, "A WebSocket needs HTTP/1.1."};
  if (has_body(request)) return RefusedUpgrade{kBadRequest, "A WebSocket upgrade has no body."};
  if (!headers.has_token("upgrade", "websocket") || !headers.has_token("connection", "upgrade"))
    return RefusedUpgrade{kUpgradeRequired, "This address speaks WebSocket."};
  if (headers.count("sec-websocket-version") != 1 ||
      headers.find("sec-websocket-version") != kVersion)
    return RefusedUpgrade{kUpgradeRequired, "Only version 13 of WebSocket is spoken here."};
  const auto key = headers.find("sec-websocket-key");
  if (!key || headers.count("sec-websocket-key") != 1)
    return RefusedUpgrade{kBadRequest, "There must be exactly one Sec-WebSocket-Key."};
  const auto nonce = text::from_base64(*key);
  if (!nonce || nonce->size() != kKeyBytes)
    return RefusedUpgrade{kBadRequest, "Sec-WebSocket-Key must be 16 bytes in base64."};
  const auto protocols = offered_protocols(headers);
  for (const auto& protocol : protocols)
    if (!http::is_token(protocol))
      return RefusedUpgrade{kBadRequest, "Sec-WebSocket-Protocol must be a list of tokens."};

  AcceptedUpgrade accepted{accept_key(*key), choose_protocol(protocols), std::nullopt};
  if (settings.compression)
    accepted.deflate = negotiate_deflate(headers, settings.deflate_window_bits);
  return accepted;
}

void apply_refusal(const RefusedUpgrade& refusal, http::Response& response) {
  response.status = refusal.status;
  response.close = true;
  response.headers.set("sec-websocket-version", kVersion);
  if (refusal.status == kUpgradeRequired) response.headers.set("upgrade", "websocket");
}

std::string render_upgrade(const AcceptedUpgrade& accepted, const http::Headers& extra) {
  std::string head =
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n";
  const auto field = [&](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  field("Sec-WebSocket-Accept", accepted.accept_key);
  if (!accepted.protocol.empty()) field("Sec-WebSocket-Protocol", accepted.protocol);
  if (accepted.deflate) field("Sec-WebSocket-Extensions", to_header(*accepted.deflate));
  http::append_fields(head, extra);
  return head.append("\r\n");
}

}  // namespace indaba::ws
