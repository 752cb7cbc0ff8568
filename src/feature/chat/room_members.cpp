// Who is in a private room.
#include "feature/chat/access.hpp"
#include "feature/chat/queries.hpp"

#include <fmt/format.h>

namespace indaba::chat {

namespace {

Error room_is_public() {
  return Error(ErrorKind::conflict, "room_is_public",
               "A public room is every member's of the organisation.");
}

Result<Standing> private_standing(db::Session& session, const Place& place,
                                  const auth::Principal& caller) {
  INDABA_TRY(auto standing, standing_of(session, place, caller));
  if (!standing.room.private_) return room_is_public();
  return standing;
}

// The same for those in the room, and with the room in it for the user whom it concerns.
Result<void> tell(db::WriteTx& tx, const RoomRow& room, std::string_view type, const Person& user,
                  const auth::Principal& caller) {
  std::string body;
  json::append_name(body, "user");
  body += json::to_json(user);
  orgs::append_actor(body, orgs::actor_of(caller));
  tx.append({room.stream, std::string(type), body, {}});

  INDABA_TRY(const auto found, auth::find_user(tx.sql(), user.id));
  if (!found || !found->active) return {};
  Standing standing;
  standing.room = room;
  append_place(body, standing);
  tx.append({found->me_stream, std::string(type), std::move(body), {}});
  return {};
}

}  // namespace

Task<Result<RoomMemberList>> Chat::members(Place place, auth::Principal caller, ListRooms wanted) {
  const auto name =
      fmt::format("room members:{}:{}:{}", place.org.value, place.room.value, place.slug);
  const auto limit = wanted.limit.value();
  std::int64_t after = 0;
  if (wanted.cursor) {
    INDABA_CO_TRY(after, parts_.cursors.open(wanted.cursor->str(), name));
  }
  auto query = [place, caller, after,
                limit](db::Session& session) -> Result<std::vector<RoomMemberView>> {
    INDABA_TRY(const auto standing, private_standing(session, place, caller));
    return queries::page_members(session, standing.room.id, after, limit + 1);
  };
  auto reading = parts_.database.read(query);
  RoomMemberList list;
  INDABA_CO_TRY(list.results, co_await reading);
  if (static_cast<std::int64_t>(list.results.size()) > limit) {
    list.results.pop_back();
    list.next_cursor = parts_.cursors.seal(list.results.back().user_id.value, name);
  }
  co_return list;
}

Task<Result<RoomMemberView>> Chat::add_member(Place place, auth::Principal caller,
                                              AddRoomMember wanted, api::Once once) {
  auto change = [now = parts_.clock.wall(), place, caller, wanted,
                 once](db::WriteTx& tx) -> Result<RoomMemberView> {
    auto& sql = tx.sql();
    INDABA_TRY(const auto standing, private_standing(sql, place, caller));
    const auto& room = standing.room;
    INDABA_TRY(const auto user, orgs::find_member(sql, room.org, wanted.user_id));
    if (!user) return Error::invalid_field("user_id", "There is no such member.");
    INDABA_TRY(const auto added,
               queries::insert_member(sql, room.org, room.id, wanted.user_id, now));
    if (!added)
      return Error(ErrorKind::conflict, "already_member", "This user is in the room already.");
    INDABA_TRY_VOID(tell(tx, room, "member_added", {wanted.user_id, user->username}, caller));
    const RoomMemberView view{wanted.user_id, user->username, user->display_name, now};
    once.keep(tx, [view](std::span<const db::Appended>) {
      return api::KeptAnswer{201, json::to_json(view)};
    });
    return view;
  };
  auto writing = parts_.database.write(place.shard(), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<void>> Chat::remove_member(Place place, auth::Principal caller, UserId user) {
  auto change = [this, place, caller, user](db::WriteTx& tx) -> Result<void> {
    auto& sql = tx.sql();
    INDABA_TRY(const auto standing, private_standing(sql, place, caller));
    const auto& room = standing.room;
    const bool oneself = caller.is_user() && caller.user == user;
    if (!oneself && !standing.moderates())
      return Error(ErrorKind::forbidden, "Your role in this organisation does not allow this.");
    INDABA_TRY(const auto member, queries::find_member(sql, room.id, user));
    if (!member) return Error(ErrorKind::not_found, "This user is not in the room.");
    INDABA_TRY_VOID(queries::delete_member(sql, room.id, user));
    INDABA_TRY_VOID(tell(tx, room, "member_removed", {user, member->username}, caller));
    INDABA_TRY(const auto role, orgs::find_role(sql, room.org, user));
    if (!role || *role < auth::Role::admin)  // an admin reads on
      parts_.changes.record(tx, api::StreamAccessEnded{room.stream, user});
    return {};
  };
  auto writing = parts_.database.write(place.shard(), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return Result<void>();
}

}  // namespace indaba::chat
