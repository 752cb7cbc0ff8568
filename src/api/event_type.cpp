#include "api/event_type.hpp"

#include <algorithm>
#include <array>

namespace indaba::api {

namespace {

// Everything that a socket says or is told: see the protocol's documentation.
constexpr std::array<std::string_view, 25> kFrameTypes{
    "welcome",      "subscribed", "reset",       "unsubscribed",   "message_sent",
    "published",    "ok",         "pong",        "error",          "heartbeat",
    "goodbye",      "subscribe",  "unsubscribe", "ping",           "auth",
    "message",      "edit",       "delete",      "react",          "typing",
    "read_receipt", "ack",        "presence",    "presence_state", "publish"};

constexpr std::array<std::string_view, 6> kReservedMembers{"type",       "stream", "seq",
                                                           "created_at", "actor",  "ref"};

bool is_type_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

}  // namespace

const char* EventType::problem_with(std::string_view name) noexcept {
  if (name.empty() || name.size() > 64 || !std::ranges::all_of(name, is_type_char))
    return "must be 1 to 64 of a-z, 0-9, \"_\", \".\" and \"-\".";
  if (std::ranges::find(kFrameTypes, name) != kFrameTypes.end())
    return "is the type of a socket frame.";
  return nullptr;
}

bool is_reserved_member(std::string_view name) noexcept {
  return std::ranges::find(kReservedMembers, name) != kReservedMembers.end();
}

}  // namespace indaba::api
