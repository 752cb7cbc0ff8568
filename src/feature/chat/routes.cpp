#include "feature/chat/routes.hpp"

namespace indaba::chat {

namespace {

using api::Call;
using api::Nothing;
using api::Reply;

Task<Result<Reply<RoomList>>> list(Chat& chat, Call<Nothing, ListRooms> call) {
  auto listing = chat.list(*std::move(call.org), std::move(call.principal), std::move(call.query));
  INDABA_CO_TRY(auto view, co_await listing);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<RoomView>>> create(Chat& chat, Call<NewRoom> call) {
  auto creating = chat.create(*std::move(call.org), std::move(call.principal), std::move(call.body),
                              std::move(call.once));
  INDABA_CO_TRY(auto view, co_await creating);
  co_return api::created(std::move(view));
}

Task<Result<Reply<RoomView>>> get(Chat& chat, Call<> call) {
  auto getting = chat.get(place_of(call), std::move(call.principal));
  INDABA_CO_TRY(auto view, co_await getting);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<RoomView>>> change(Chat& chat, Call<ChangeRoom> call) {
  auto changing = chat.change(place_of(call), std::move(call.principal), std::move(call.body));
  INDABA_CO_TRY(auto view, co_await changing);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<Nothing>>> remove_room(Chat& chat, Call<> call) {
  auto removing = chat.remove(place_of(call), std::move(call.principal));
  INDABA_CO_TRY_VOID(co_await removing);
  co_return api::no_content();
}

Task<Result<Reply<RoomMemberList>>> members(Chat& chat, Call<Nothing, ListRooms> call) {
  auto listing = chat.members(place_of(call), std::move(call.principal), std::move(call.query));
  INDABA_CO_TRY(auto view, co_await listing);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<RoomMemberView>>> add_member(Chat& chat, Call<AddRoomMember> call) {
  auto adding =
      chat.add_member(place_of(call), std::move(call.principal), call.body, std::move(call.once));
  INDABA_CO_TRY(auto view, co_await adding);
  co_return api::created(std::move(view));
}

Task<Result<Reply<Nothing>>> remove_member(Chat& chat, Call<> call) {
  const UserId user(call.path.number("user_id").value_or(0));
  auto removing = chat.remove_member(place_of(call), std::move(call.principal), user);
  INDABA_CO_TRY_VOID(co_await removing);
  co_return api::no_content();
}

api::ErrorDocs public_room() {
  return {409, "room_is_public", "The room is not private."};
}

void add_room_routes(Chat& chat, api::Endpoints& endpoints) {
  endpoints.get<ListRooms, RoomList>(
      "/api/v1/orgs/{org}/rooms",
      {.summary = "List the rooms that the caller may see", .tag = "chat", .scope = "read"},
      [&chat](Call<Nothing, ListRooms> call) { return chat::list(chat, std::move(call)); });
  endpoints.post<NewRoom, Nothing, RoomView>(
      "/api/v1/orgs/{org}/rooms",
      {.summary = "Make a room",
       .description = "Whoever makes a private room is in it.",
       .tag = "chat",
       .access = api::Access::moderator,
       .status = 201,
       .scope = "admin",
       .errors = {{409, "slug_taken", "Another room has this slug."},
                  {409, "too_many_rooms", "An organisation has at most 1000 rooms."}}},
      [&chat](Call<NewRoom> call) { return chat::create(chat, std::move(call)); });
  endpoints.get<Nothing, RoomView>(
      "/api/v1/orgs/{org}/rooms/{room}", {.summary = "One room", .tag = "chat", .scope = "read"},
      [&chat](Call<> call) { return chat::get(chat, std::move(call)); });
  endpoints.patch<ChangeRoom, Nothing, RoomView>(
      "/api/v1/orgs/{org}/rooms/{room}",
      {.summary = "Rename a room, or make it private or public",
       .tag = "chat",
       .access = api::Access::moderator,
       .scope = "admin",
       .errors = {{409, "slug_taken", "Another room has this slug."}}},
      [&chat](Call<ChangeRoom> call) { return chat::change(chat, std::move(call)); });
  endpoints.remove<Nothing, Nothing>(
      "/api/v1/orgs/{org}/rooms/{room}",
      {.summary = "Delete a room with all that was said in it",
       .tag = "chat",
       .access = api::Access::admin,
       .status = 204,
       .scope = "admin"},
      [&chat](Call<> call) { return remove_room(chat, std::move(call)); });
}

void add_member_routes(Chat& chat, api::Endpoints& endpoints) {
  endpoints.get<ListRooms, RoomMemberList>(
      "/api/v1/orgs/{org}/rooms/{room}/members",
      {.summary = "Who is in a private room",
       .tag = "chat",
       .scope = "read",
       .errors = {public_room()}},
      [&chat](Call<Nothing, ListRooms> call) { return chat::members(chat, std::move(call)); });
  endpoints.post<AddRoomMember, Nothing, RoomMemberView>(
      "/api/v1/orgs/{org}/rooms/{room}/members",
      {.summary = "Let a member of the organisation into a private room",
       .tag = "chat",
       .access = api::Access::moderator,
       .status = 201,
       .scope = "admin",
       .errors = {public_room(), {409, "already_member", "The user is in the room."}}},
      [&chat](Call<AddRoomMember> call) { return chat::add_member(chat, std::move(call)); });
  endpoints.remove<Nothing, Nothing>(
      "/api/v1/orgs/{org}/rooms/{room}/members/{user_id}",
      {.summary = "Take somebody out of a private room, or leave it",
       .description = "For moderators, and for everyone about themselves.",
       .tag = "chat",
       .status = 204,
       .scope = "admin",
       .errors = {public_room()}},
      [&chat](Call<> call) { return chat::remove_member(chat, std::move(call)); });
}

}  // namespace

void Chat::add_routes(api::Endpoints& endpoints) {
  add_room_routes(*this, endpoints);
  add_member_routes(*this, endpoints);
  add_talk_routes(*this, endpoints);
  add_message_routes(*this, endpoints);
}

}  // namespace indaba::chat
