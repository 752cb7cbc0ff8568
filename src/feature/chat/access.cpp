#include "feature/chat/access.hpp"

#include "feature/chat/queries.hpp"

#include <fmt/format.h>

namespace indaba::chat {

namespace {

// The caller's role in the room's organisation; none for whoever is not in it.
std::optional<auth::Role> role_of(const queries::RoomFor& found, const auth::Principal& caller) {
  if (caller.kind != auth::PrincipalKind::api_key) return found.role;
  if (caller.key_org != found.room.org) return std::nullopt;
  return auth::Role::admin;
}

}  // namespace

Error no_such_room() {
  return Error(ErrorKind::not_found, "There is no such room.");
}

Result<Standing> standing_of(db::Session& session, const Place& place,
                             const auth::Principal& caller) {
  INDABA_TRY(auto found, queries::find_room(session, place, caller.user));
  if (!found) return no_such_room();
  const auto role = role_of(*found, caller);
  if (!role) return no_such_room();
  const bool sees = !found->room.private_ || found->in_room || *role >= auth::Role::admin;
  if (!sees) return no_such_room();
  return Standing{std::move(found->room), *role, found->in_room};
}

RoomView view_of(const RoomRow& room) {
  return {room.id, room.slug, room.name, room.kind, room.private_};
}

std::string stream_name(std::string_view org, std::string_view room) {
  return fmt::format("orgs/{}/rooms/{}", org, room);
}

}  // namespace indaba::chat
