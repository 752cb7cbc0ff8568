#include "feature/chat/access.hpp"

#include "feature/account/account.hpp"
#include "feature/chat/queries.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace indaba::chat {

namespace {

// The caller's role in the room's organisation; none for whoever is not in it.
std::optional<auth::Role> role_of(const queries::RoomFor& found, const auth::Principal& caller) {
  if (caller.kind != auth::PrincipalKind::api_key) return found.role;
  if (caller.key_org != found.room.org) return std::nullopt;
  return auth::Role::admin;
}

Error no_such_conversation() {
  return Error(ErrorKind::not_found, "There is no such conversation.");
}

// Nothing is there before the first use, and that is no error: it begins empty.
Result<Standing> conversation_standing(db::Session& session, const Place& place,
                                       const auth::Principal& caller) {
  if (!caller.is_user()) return no_such_conversation();
  INDABA_TRY(const auto found, place.room
                                   ? queries::find_conversation(session, place.room)
                                   : queries::find_conversation(session, caller.user, place.peer));
  Standing standing;
  standing.room.private_ = true;
  standing.peer = place.peer;
  if (found) {
    if (found->low != caller.user && found->high != caller.user) return no_such_conversation();
    standing.room.id = found->room;
    standing.room.stream = found->stream;
    standing.peer = found->low == caller.user ? found->high : found->low;
  }
  if (!standing.peer || standing.peer == caller.user) return no_such_conversation();
  INDABA_TRY(const auto acquainted, orgs::share_an_org(session, caller.user, standing.peer));
  if (!acquainted) return no_such_conversation();
  return standing;
}

}  // namespace

Place conversation_with(UserId caller, UserId peer) {
  Place place;
  place.peer = peer;
  place.low = std::min(caller, peer);
  return place;
}

Error no_such_room() {
  return Error(ErrorKind::not_found, "There is no such room.");
}

Result<Standing> standing_of(db::Session& session, const Place& place,
                             const auth::Principal& caller) {
  if (!place.org) return conversation_standing(session, place, caller);
  INDABA_TRY(auto found, queries::find_room(session, place, caller.user));
  if (!found) return no_such_room();
  const auto role = role_of(*found, caller);
  if (!role) return no_such_room();
  const bool sees = !found->room.private_ || found->in_room || *role >= auth::Role::admin;
  if (!sees) return no_such_room();
  return Standing{std::move(found->room), *role, found->in_room, UserId()};
}

Result<void> may_write(db::Session& session, const Standing& standing,
                       const auth::Principal& caller) {
  if (!standing.peer) return {};
  INDABA_TRY(const auto blocked, account::is_blocked_between(session, caller.user, standing.peer));
  if (blocked) return Error(ErrorKind::forbidden, "The two of you cannot write to each other.");
  return {};
}

RoomView view_of(const RoomRow& room) {
  return {room.id, room.slug, room.name, room.kind, room.private_, room.slow_mode};
}

std::string stream_name(std::string_view org, std::string_view room) {
  return fmt::format("orgs/{}/rooms/{}", org, room);
}

void append_place(std::string& body, const Standing& standing) {
  const auto& room = standing.room;
  if (standing.peer) {
    json::append_name(body, "conversation");
    body += '{';
    json::append_member(body, "user_id", standing.peer);
    body += '}';
    return;
  }
  json::append_name(body, "room");
  body += '{';
  json::append_member(body, "id", room.id);
  json::append_member(body, "slug", room.slug);
  json::append_member(body, "name", room.name);
  body += '}';
  json::append_name(body, "org");
  body += '{';
  json::append_member(body, "id", room.org);
  json::append_member(body, "slug", room.org_slug);
  body += '}';
}

std::string conversation_name(UserId peer) {
  return fmt::format("conversations/{}", peer.value);
}

std::string stream_name(const Standing& standing) {
  if (standing.peer) return conversation_name(standing.peer);
  return stream_name(standing.room.org_slug, standing.room.slug);
}

}  // namespace indaba::chat
