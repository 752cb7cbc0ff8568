// The opening handshake (RFC 6455, section 4.2): is this request a valid upgrade, and what is
// answered.
//
// Only the protocol is decided here. Whether the origin, the caller and the stream are allowed is
// the gateway's business.
#pragma once

#include "http/message.hpp"
#include "ws/deflate.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace indaba::ws {

inline constexpr std::string_view kIndabaProtocol = "indaba.v1";
inline constexpr std::string_view kBearerProtocol = "Bearer";

struct UpgradeSettings {
  bool compression = false;
  int deflate_window_bits = kMaxWindowBits;  // the loop's Deflater's
};

struct AcceptedUpgrade {
  std::string accept_key;
  std::string protocol;  // "indaba.v1", "Bearer" or none; never a token
  std::optional<DeflateAgreement> deflate;
};

// 400 or 426. The connection closes behind the answer: what follows on it was meant for another
// protocol and must never be read as a request.
struct RefusedUpgrade {
  int status = 400;
  std::string_view detail;
};

[[nodiscard]] std::variant<AcceptedUpgrade, RefusedUpgrade> check_upgrade(
    const http::Request& request, const UpgradeSettings& settings);

// What every refusal says besides its status: Sec-WebSocket-Version, and Upgrade with a 426. Also
// sets the status, and that the connection closes.
void apply_refusal(const RefusedUpgrade& refusal, http::Response& response);

// The sub-protocols that the client offers, in order.
[[nodiscard]] std::vector<std::string> offered_protocols(const http::Headers& headers);

// The token of the pair "Bearer", "<token>" among the offered sub-protocols.
[[nodiscard]] std::optional<std::string> bearer_token(const http::Headers& headers);

// The 101 with its empty line; `extra` may add fields (a request id).
[[nodiscard]] std::string render_upgrade(const AcceptedUpgrade& accepted,
                                         const http::Headers& extra = {});

}  // namespace indaba::ws
