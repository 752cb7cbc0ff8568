#include "feature/chat/message_row.hpp"

#include "base/crypto.hpp"

namespace indaba::chat {

namespace {

constexpr std::size_t kHashBytes = 16;

template <class T>
void append_maybe(std::string& out, std::string_view name, const std::optional<T>& value) {
  if (value)
    json::append_member(out, name, *value);
  else
    json::append_member(out, name, nullptr);
}

}  // namespace

MessageView view_of(MessageRow message) {
  MessageView view;
  view.id = message.id;
  view.seq = message.seq;
  view.created_at = message.created_at;
  view.author = std::move(message.author);
  view.deleted = message.deleted_at.has_value();
  if (!view.deleted) view.body = std::move(message.body);
  view.client_message_id = std::move(message.client_message_id);
  view.reply_to = message.reply_to;
  view.thread_id = message.thread_id;
  view.edited_at = message.edited_at;
  return view;
}

std::string event_body(const MessageRow& message) {
  std::string out;
  json::append_member(out, "id", message.id);
  json::append_name(out, "author");
  out += json::to_json(message.author);
  json::append_member(out, "body", message.body);
  append_maybe(out, "client_message_id", message.client_message_id);
  append_maybe(out, "reply_to", message.reply_to);
  append_maybe(out, "thread_id", message.thread_id);
  out += R"(,"attachments":[])";
  return out;
}

std::string hash_of(const SendMessage& sent) {
  return crypto::sha256(json::to_json(sent)).substr(0, kHashBytes);
}

}  // namespace indaba::chat
