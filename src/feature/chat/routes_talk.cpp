// HTTP: what people say in a room or a conversation, and how far they have read. The same handlers
// serve both.
#include "feature/chat/routes.hpp"

namespace indaba::chat {

namespace {

using api::Call;
using api::Nothing;
using api::Reply;

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

Task<Result<Reply<UnreadView>>> read(Chat& chat, Call<ReadUpTo> call) {
  auto reading = chat.read_up_to(place_of(call), std::move(call.principal), {call.body.up_to, {}});
  INDABA_CO_TRY(auto view, co_await reading);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<UnreadView>>> mark_unread(Chat& chat, Call<MarkUnread> call) {
  auto marking = chat.mark_unread(place_of(call), std::move(call.principal), call.body);
  INDABA_CO_TRY(auto view, co_await marking);
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

Task<Result<Reply<RoomPreferences>>> preferences(Chat& chat, Call<> call) {
  auto asking = chat.preferences(place_of(call), std::move(call.principal));
  INDABA_CO_TRY(auto view, co_await asking);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<RoomPreferences>>> set_preferences(Chat& chat, Call<RoomPreferences> call) {
  auto setting = chat.set_preferences(place_of(call), std::move(call.principal), call.body);
  INDABA_CO_TRY(auto view, co_await setting);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<ConversationList>>> conversations(Chat& chat, Call<Nothing, ListRooms> call) {
  auto listing = chat.conversations(std::move(call.principal), std::move(call.query));
  INDABA_CO_TRY(auto view, co_await listing);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<ConversationView>>> open_conversation(Chat& chat, Call<OpenConversation> call) {
  auto opening = chat.open_conversation(std::move(call.principal), call.body.user_id);
  INDABA_CO_TRY(auto view, co_await opening);
  co_return api::ok(std::move(view));
}

// Whose routes these are: a room's, which API keys may read, or a conversation's.
struct Where {
  std::string base;
  api::Access access = api::Access::member;
  std::string read_scope;
  std::string_view what;
};

void add_message_list(Chat& chat, api::Endpoints& endpoints, const Where& where) {
  endpoints.get<HistoryQuery, HistoryView>(
      where.base,
      {.summary = "The messages of a " + std::string(where.what) + ", newest first",
       .description = "The newest ones, or those before, after or around a message.",
       .tag = "chat",
       .access = where.access,
       .scope = where.read_scope},
      [&chat](Call<Nothing, HistoryQuery> call) { return chat::history(chat, std::move(call)); });
  endpoints.post<SendMessage, Nothing, SentView>(
      where.base,
      {.summary = "Send a message",
       .description = "200 with the first one where the client_message_id was used before.",
       .tag = "chat",
       .access = where.access,
       .status = 201,
       .errors = {{409, "conflict", "The client_message_id was used with other content."}}},
      [&chat](Call<SendMessage> call) { return chat::send(chat, std::move(call)); });
}

void add_reading(Chat& chat, api::Endpoints& endpoints, const Where& where) {
  endpoints.post<ReadUpTo, Nothing, UnreadView>(
      where.base + "/read",
      {.summary = "Say how far the caller has read",
       .description = "It moves forward alone. Answers with what is unread then.",
       .tag = "chat",
       .access = where.access},
      [&chat](Call<ReadUpTo> call) { return chat::read(chat, std::move(call)); });
  endpoints.post<MarkUnread, Nothing, UnreadView>(
      where.base + "/unread",
      {.summary = "Mark a message and all after it as unread",
       .description = "For the caller alone: what others were told of having been read stands.",
       .tag = "chat",
       .access = where.access},
      [&chat](Call<MarkUnread> call) { return chat::mark_unread(chat, std::move(call)); });
  endpoints.get<Nothing, ReceiptList>(
      where.base + "/receipts",
      {.summary = "How far everybody has read",
       .description = "Where there are up to 200 readers; empty for more.",
       .tag = "chat",
       .access = where.access,
       .scope = where.read_scope},
      [&chat](Call<> call) { return chat::receipts(chat, std::move(call)); });
  endpoints.get<Nothing, json::Object>(
      where.base + "/events/{seq}",
      {.summary = "One event of the stream, whole",
       .tag = "chat",
       .access = where.access,
       .scope = where.read_scope},
      [&chat](Call<> call) { return chat::event(chat, std::move(call)); });
}

void add_preferences(Chat& chat, api::Endpoints& endpoints, const Where& where) {
  endpoints.get<Nothing, RoomPreferences>(
      where.base + "/notification-preferences",
      {.summary = "What the caller wants to be told of here",
       .tag = "chat",
       .access = where.access},
      [&chat](Call<> call) { return chat::preferences(chat, std::move(call)); });
  endpoints.put<RoomPreferences, Nothing, RoomPreferences>(
      where.base + "/notification-preferences",
      {.summary = "Choose what to be told of here, or mute it for a time",
       .description =
           "`all`: push for every message; `mentions`: what concerns the caller; `none`.",
       .tag = "chat",
       .access = where.access},
      [&chat](Call<RoomPreferences> call) { return chat::set_preferences(chat, std::move(call)); });
}

void add_conversation_list(Chat& chat, api::Endpoints& endpoints) {
  endpoints.get<ListRooms, ConversationList>(
      "/api/v1/conversations",
      {.summary = "The caller's conversations, the one with the newest message first",
       .tag = "chat",
       .access = api::Access::user},
      [&chat](Call<Nothing, ListRooms> call) {
        return chat::conversations(chat, std::move(call));
      });
  endpoints.post<OpenConversation, Nothing, ConversationView>(
      "/api/v1/conversations",
      {.summary = "The conversation with somebody, begun where there is none",
       .description = "The two must have an organisation in common.",
       .tag = "chat",
       .access = api::Access::user},
      [&chat](Call<OpenConversation> call) {
        return chat::open_conversation(chat, std::move(call));
      });
}

}  // namespace

void add_talk_routes(Chat& chat, api::Endpoints& endpoints) {
  const std::string room = "/api/v1/orgs/{org}/rooms/{room}";
  const std::string two = "/api/v1/conversations/{user_id}";
  const auto user = api::Access::user;
  add_message_list(chat, endpoints, {room + "/messages", api::Access::member, "read", "room"});
  add_reading(chat, endpoints, {room, api::Access::member, "read", "room"});
  add_preferences(chat, endpoints, {room, api::Access::member, {}, "room"});
  add_conversation_list(chat, endpoints);
  add_message_list(chat, endpoints, {two + "/messages", user, {}, "conversation"});
  add_message_list(
      chat, endpoints,
      {"/api/v1/communication/chats/conversation/{user_id}", user, {}, "conversation"});
  add_reading(chat, endpoints, {two, user, {}, "conversation"});
  add_preferences(chat, endpoints, {two, user, {}, "conversation"});
}

}  // namespace indaba::chat
