// Access: a room or a conversation as its caller may see it, asked inside the transaction that goes
// on with it, so that nobody acts on a room that they were just removed from.
//
// On a database thread.
#pragma once

#include "auth/principal.hpp"
#include "db/session.hpp"
#include "feature/chat/chat.hpp"

namespace indaba::chat {

struct RoomRow {
  RoomId id;  // none: a conversation in which nothing was ever said
  OrgId org;  // none: a conversation
  std::string org_slug;
  std::string slug;
  std::string name;
  Kind kind = Kind::chat;
  bool private_ = false;
  std::int64_t slow_mode = 0;  // seconds
  StreamId stream;
};

// A room, and what its caller is in it.
struct Standing {
  RoomRow room;
  auth::Role role = auth::Role::member;  // in the organisation; an API key acts as admin
  bool in_room = false;                  // of a private one
  UserId peer;                           // the other one of a conversation

  [[nodiscard]] bool moderates() const noexcept { return role >= auth::Role::moderator; }
};

[[nodiscard]] Error no_such_room();

// not_found where there is none that the caller may know of.
[[nodiscard]] Result<Standing> standing_of(db::Session& session, const Place& place,
                                           const auth::Principal& caller);

// Neither of two people who blocked one another hears from the other: forbidden.
[[nodiscard]] Result<void> may_write(db::Session& session, const Standing& standing,
                                     const auth::Principal& caller);

[[nodiscard]] RoomView view_of(const RoomRow& room);
// The name of its stream, as its reader has it.
[[nodiscard]] std::string stream_name(const Standing& standing);
[[nodiscard]] std::string conversation_name(UserId peer);
// Appends where it is to an event on `me`: `,"room":{…},"org":{…}` or `,"conversation":{…}`.
void append_place(std::string& body, const Standing& standing);

}  // namespace indaba::chat
