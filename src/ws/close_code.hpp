// Close codes: the standard's and our own, and the payload of a Close frame.
//
// A reason is "<slug>: <sentence>": the slug for programs, the sentence for whoever reads a log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace indaba::ws {

enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_status = 1005,  // never sent: a Close frame without a code was received
  invalid_payload = 1007,
  policy_violation = 1008,
  message_too_big = 1009,
  internal_error = 1011,
  service_restart = 1012,
  replaced = 4000,
  unauthenticated = 4001,
  access_lost = 4003,
  not_found = 4004,
  no_pong = 4008,
  stalled = 4009,
  too_many = 4029,
};

// "too_many" for 4029, and so on; "closed" for a code that has no name here.
[[nodiscard]] std::string_view slug(CloseCode code) noexcept;

// May a client send this code in a Close frame? 1000-1003, 1007-1014, 3000-4999 (RFC 6455,
// section 7.4, and the IANA registry).
[[nodiscard]] constexpr bool is_valid_received_code(std::uint16_t code) noexcept {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

// "<slug>: <sentence>", or "<slug>" where there is no sentence.
[[nodiscard]] std::string close_reason(CloseCode code, std::string_view sentence);

// Code and reason as a Close frame carries them, at most 125 bytes: a longer reason is cut between
// two code points. `no_status` gives the empty payload. `reason` is UTF-8.
[[nodiscard]] std::string close_payload(CloseCode code, std::string_view reason);

}  // namespace indaba::ws
