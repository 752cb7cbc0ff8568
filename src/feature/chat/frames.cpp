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

Task<Result<api::FrameReply>> send(Chat& chat, api::FrameCall<SendMessage> call) {
  auto placing = chat.place_of(call.stream);
  INDABA_CO_TRY(auto place, co_await placing);
  // From here on nothing comes between this frame and the writer's queue: the next one of this
  // connection may begin, and its message will stand behind this one's.
  call.give_way();
  auto sending =
      chat.send(std::move(place), std::move(call.principal), std::move(call.frame), api::Once());
  INDABA_CO_TRY(const auto sent, co_await sending);
  co_return reply_of(sent);
}

}  // namespace

void Chat::add_frames(api::Frames& frames) {
  frames.on<SendMessage>(
      "message",
      {.summary = "Send a message to a room; answered by `message_sent`", .names_stream = true},
      [this](api::FrameCall<SendMessage> call) { return chat::send(*this, std::move(call)); });
}

}  // namespace indaba::chat
