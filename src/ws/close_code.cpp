#include "ws/close_code.hpp"

#include "ws/opcode.hpp"
#include "ws/utf8.hpp"

namespace indaba::ws {

std::string_view slug(CloseCode code) noexcept {
  switch (code) {
    case CloseCode::normal:
      return "done";
    case CloseCode::going_away:
      return "going_away";
    case CloseCode::protocol_error:
      return "protocol_error";
    case CloseCode::unsupported_data:
      return "unsupported_data";
    case CloseCode::no_status:
      return "no_status";
    case CloseCode::invalid_payload:
      return "invalid_payload";
    case CloseCode::policy_violation:
      return "policy_violation";
    case CloseCode::message_too_big:
      return "too_large";
    case CloseCode::internal_error:
      return "internal";
    case CloseCode::service_restart:
      return "restart";
    case CloseCode::replaced:
      return "replaced";
    case CloseCode::unauthenticated:
      return "unauthenticated";
    case CloseCode::access_lost:
      return "access_lost";
    case CloseCode::not_found:
      return "not_found";
    case CloseCode::no_pong:
      return "no_pong";
    case CloseCode::stalled:
      return "stalled";
    case CloseCode::too_many:
      return "too_many";
  }
  return "closed";
}

std::string close_reason(CloseCode code, std::string_view sentence) {
  std::string reason(slug(code));
  if (!sentence.empty()) reason.append(": ").append(sentence);
  return reason;
}

std::string close_payload(CloseCode code, std::string_view reason) {
  std::string payload;
  if (code == CloseCode::no_status) return payload;
  const auto number = static_cast<std::uint16_t>(code);
  payload += static_cast<char>(number >> 8U);
  payload += static_cast<char>(number & 0xFFU);
  payload += utf8_prefix(reason, kMaxControlPayload - 2);
  return payload;
}

}  // namespace indaba::ws
