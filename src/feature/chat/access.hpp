// Access: a room as its caller may see it, asked inside the transaction that goes on with it, so
// that nobody acts on a room that they were just removed from.
//
// On a database thread.
#pragma once

#include "auth/principal.hpp"
#include "db/session.hpp"
#include "feature/chat/chat.hpp"

namespace indaba::chat {

struct RoomRow {
  RoomId id;
  OrgId org;
  std::string org_slug;
  std::string slug;
  std::string name;
  Kind kind = Kind::chat;
  bool private_ = false;
  StreamId stream;
};

// A room, and what its caller is in it.
struct Standing {
  RoomRow room;
  auth::Role role = auth::Role::member;  // in the organisation; an API key acts as admin
  bool in_room = false;                  // of a private one

  [[nodiscard]] bool moderates() const noexcept { return role >= auth::Role::moderator; }
};

[[nodiscard]] Error no_such_room();

// not_found where there is none that the caller may know of.
[[nodiscard]] Result<Standing> standing_of(db::Session& session, const Place& place,
                                           const auth::Principal& caller);

[[nodiscard]] RoomView view_of(const RoomRow& room);

}  // namespace indaba::chat
