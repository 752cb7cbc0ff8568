#include "feature/chat/access.hpp"
#include "feature/chat/chat.hpp"

namespace indaba::chat {

namespace {

api::FrameReply reply_of(const SentView& sent) {
  api::FrameReply reply{"message_sent", {}, false};
  json::append_name(reply.members, "client_message_id");
  reply.members += json::to_json(sent.client_message_id);
  json::append_member(reply.members, "id", sent.id);
  json::append_member(reply.members, "seq", sent.seq);
  json::append_member(reply.members, "created_at", sent.created_at);
  json::append_member(reply.members, "duplicate", sent.duplicate);
  return reply;
}

// Either a room's stream or a person; "message" is another name of "body".
struct MessageFrame {
  std::optional<UserId> receiver_id;
  std::optional<MessageBody> body;
  std::optional<MessageBody> message;
  std::optional<ClientMessageId> client_message_id;
  std::optional<MessageId> thread_id;
  std::optional<MessageId> reply_to;
  std::vector<json::Int<1, json::kMaxSafeInteger>> attachments;
};
BOOST_DESCRIBE_STRUCT(MessageFrame, (),
                      (receiver_id, body, message, client_message_id, thread_id, reply_to,
                       attachments))

Result<SendMessage> message_of(MessageFrame frame) {
  if (!frame.body && !frame.message)
    return Error::invalid_field("body", "A message has a body.", "missing_field");
  if (frame.body && frame.message)
    return Error::invalid_field("message", "Name one of body and message.");
  SendMessage message;
  message.body = frame.body ? *std::move(frame.body) : *std::move(frame.message);
  message.client_message_id = std::move(frame.client_message_id);
  message.thread_id = frame.thread_id;
  message.reply_to = frame.reply_to;
  message.attachments = std::move(frame.attachments);
  return message;
}

Task<Result<api::FrameReply>> send(Chat& chat, api::FrameCall<MessageFrame> call) {
  const auto receiver = call.frame.receiver_id;
  INDABA_CO_TRY(auto message, message_of(std::move(call.frame)));
  auto placing =
      chat.place_of(receiver ? conversation_name(*receiver) : call.stream, call.principal.user);
  INDABA_CO_TRY(auto place, co_await placing);
  // From here on nothing comes between this frame and the writer's queue: the next one of this
  // connection may begin, and its message will stand behind this one's.
  call.give_way();
  auto sending =
      chat.send(std::move(place), std::move(call.principal), std::move(message), api::Once());
  INDABA_CO_TRY(const auto sent, co_await sending);
  co_return reply_of(sent);
}

constexpr std::size_t kMostMessageIds = 200;

struct EditFrame {
  MessageId id;
  MessageBody body;
};
BOOST_DESCRIBE_STRUCT(EditFrame, (), (id, body))

struct DeleteFrame {
  MessageId id;
};
BOOST_DESCRIBE_STRUCT(DeleteFrame, (), (id))

struct ReactFrame {
  MessageId id;
  Emoji emoji;
  bool remove = false;
  static constexpr std::array kDefaulted{std::string_view("remove")};
};
BOOST_DESCRIBE_STRUCT(ReactFrame, (), (id, emoji, remove))

Task<Result<api::FrameReply>> edit(Chat& chat, api::FrameCall<EditFrame> call) {
  INDABA_CO_TRY_VOID(chat.charge(call.principal));
  auto editing = chat.edit(call.frame.id, std::move(call.principal), {std::move(call.frame.body)});
  INDABA_CO_TRY([[maybe_unused]] const auto edited, co_await editing);
  co_return api::FrameReply{};
}

Task<Result<api::FrameReply>> remove(Chat& chat, api::FrameCall<DeleteFrame> call) {
  INDABA_CO_TRY_VOID(chat.charge(call.principal));
  auto removing = chat.remove_message(call.frame.id, std::move(call.principal));
  INDABA_CO_TRY_VOID(co_await removing);
  co_return api::FrameReply{};
}

Task<Result<api::FrameReply>> react(Chat& chat, api::FrameCall<ReactFrame> call) {
  INDABA_CO_TRY_VOID(chat.charge(call.principal));
  auto reacting = chat.react(call.frame.id, std::move(call.principal), std::move(call.frame.emoji),
                             call.frame.remove);
  INDABA_CO_TRY([[maybe_unused]] const auto reacted, co_await reacting);
  co_return api::FrameReply{};
}

Task<Result<api::FrameReply>> read(Chat& chat, api::FrameCall<Receipt> call) {
  if (call.frame.up_to.has_value() != call.frame.message_ids.empty())
    co_return Error::invalid_field("up_to", "Name one of up_to and message_ids.", "missing_field");
  if (call.frame.message_ids.size() > kMostMessageIds)
    co_return Error::invalid_field("message_ids", "has at most 200 of them.", "too_long");
  INDABA_CO_TRY_VOID(chat.charge(call.principal));
  auto placing = chat.place_of(call.stream, call.principal.user);
  INDABA_CO_TRY(auto place, co_await placing);
  auto reading =
      chat.read_up_to(std::move(place), std::move(call.principal), std::move(call.frame));
  INDABA_CO_TRY([[maybe_unused]] const auto unread, co_await reading);
  co_return api::FrameReply{"ok", {}, true};
}

}  // namespace

void Chat::add_frames(api::Frames& frames) {
  frames.on<MessageFrame>(
      "message",
      {.summary = "Send a message to a room or a person; answered by `message_sent`",
       .names_stream = true,
       .or_names = "receiver_id"},
      [this](api::FrameCall<MessageFrame> call) { return chat::send(*this, std::move(call)); });
  frames.on<EditFrame>(
      "edit", {.summary = "Edit a message"},
      [this](api::FrameCall<EditFrame> call) { return chat::edit(*this, std::move(call)); });
  frames.on<DeleteFrame>(
      "delete", {.summary = "Delete a message"},
      [this](api::FrameCall<DeleteFrame> call) { return chat::remove(*this, std::move(call)); });
  frames.on<ReactFrame>(
      "react", {.summary = "React to a message, or take the reaction back"},
      [this](api::FrameCall<ReactFrame> call) { return chat::react(*this, std::move(call)); });
  frames.on<Receipt>(
      "read_receipt", {.summary = "How far a room has been read", .names_stream = true},
      [this](api::FrameCall<Receipt> call) { return chat::read(*this, std::move(call)); });
}

}  // namespace indaba::chat
