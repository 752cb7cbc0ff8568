#include "feature/chat/routes.hpp"

namespace indaba::chat {

namespace {

using api::Call;
using api::Nothing;
using api::Reply;

template <class Body, class Query>
Place place_of(const Call<Body, Query>& call) {
  return {call.org->org, RoomId(), std::string(call.path.text("room"))};
}

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

Task<Result<Reply<Nothing>>> remove(Chat& chat, Call<> call) {
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

Task<Result<Reply<HistoryView>>> history(Chat& chat, Call<Nothing, HistoryQuery> call) {
  auto reading = chat.history(place_of(call), std::move(call.principal), call.query);
  INDABA_CO_TRY(auto view, co_await reading);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<SentView>>> send(Chat& chat, Call<SendMessage> call) {
  auto sending = chat.send(place_of(call), std::move(call.principal), std::move(call.body),
                           std::move(call.once));
  INDABA_CO_TRY(auto sent, co_await sending);
  co_return Reply<SentView>{sent.duplicate ? 200 : 201, std::move(sent), {}};
}

Task<Result<Reply<RoomUnreadView>>> read(Chat& chat, Call<ReadUpTo> call) {
  auto reading = chat.read_up_to(place_of(call), std::move(call.principal), {call.body.up_to, {}});
  INDABA_CO_TRY(auto view, co_await reading);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<ReceiptList>>> receipts(Chat& chat, Call<> call) {
  auto reading = chat.receipts(place_of(call), std::move(call.principal));
  INDABA_CO_TRY(auto view, co_await reading);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<json::Object>>> event(Chat& chat, Call<> call) {
  const Seq seq(call.path.number("seq").value_or(0));  // no event has the number 0
  auto reading = chat.event(place_of(call), std::move(call.principal), seq);
  INDABA_CO_TRY(auto event, co_await reading);
  co_return api::ok(json::Object{std::move(event)});
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
      [&chat](Call<> call) { return chat::remove(chat, std::move(call)); });
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

void add_history_routes(Chat& chat, api::Endpoints& endpoints) {
  endpoints.get<HistoryQuery, HistoryView>(
      "/api/v1/orgs/{org}/rooms/{room}/messages",
      {.summary = "A room's messages, newest first",
       .description = "The newest ones, or those before, after or around a message.",
       .tag = "chat",
       .scope = "read"},
      [&chat](Call<Nothing, HistoryQuery> call) { return chat::history(chat, std::move(call)); });
  endpoints.post<SendMessage, Nothing, SentView>(
      "/api/v1/orgs/{org}/rooms/{room}/messages",
      {.summary = "Send a message",
       .description = "200 with the first one where the client_message_id was used before.",
       .tag = "chat",
       .status = 201,
       .errors = {{409, "conflict", "The client_message_id was used with other content."}}},
      [&chat](Call<SendMessage> call) { return chat::send(chat, std::move(call)); });
  endpoints.post<ReadUpTo, Nothing, RoomUnreadView>(
      "/api/v1/orgs/{org}/rooms/{room}/read",
      {.summary = "Say how far the caller has read",
       .description = "It moves forward alone. Answers with what is unread then.",
       .tag = "chat"},
      [&chat](Call<ReadUpTo> call) { return chat::read(chat, std::move(call)); });
  endpoints.get<Nothing, ReceiptList>(
      "/api/v1/orgs/{org}/rooms/{room}/receipts",
      {.summary = "How far everybody has read",
       .description = "Of rooms of up to 200 readers; empty for larger ones.",
       .tag = "chat",
       .scope = "read"},
      [&chat](Call<> call) { return chat::receipts(chat, std::move(call)); });
  endpoints.get<Nothing, json::Object>(
      "/api/v1/orgs/{org}/rooms/{room}/events/{seq}",
      {.summary = "One event of a room's stream, whole", .tag = "chat", .scope = "read"},
      [&chat](Call<> call) { return chat::event(chat, std::move(call)); });
}

}  // namespace

void Chat::add_routes(api::Endpoints& endpoints) {
  add_room_routes(*this, endpoints);
  add_member_routes(*this, endpoints);
  add_history_routes(*this, endpoints);
  add_message_routes(*this, endpoints);
}

}  // namespace indaba::chat
