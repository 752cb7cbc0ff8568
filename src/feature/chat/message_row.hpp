// A message as its row has it, and how readers see it: as an event, and in history.
#pragma once

#include "feature/chat/views.hpp"

#include <optional>
#include <string>

namespace indaba::chat {

struct MessageRow {
  MessageId id;
  RoomId room;
  Person author;
  Seq seq;
  std::string body;  // kept where it is deleted, for those who may restore it
  std::optional<MessageId> reply_to;
  std::optional<MessageId> thread_id;
  std::optional<std::string> client_message_id;
  WallTime created_at{};
  std::optional<WallTime> edited_at;
  std::optional<WallTime> deleted_at;
};

// A text that a message had, and the event that told it.
struct VersionRow {
  std::string body;
  Person editor;
  Seq seq;  // 0 until the event has its number
  WallTime created_at{};
};

// What a reader of history sees: nothing of the text where it is deleted.
[[nodiscard]] MessageView view_of(MessageRow message);
// The members of its `message` event.
[[nodiscard]] std::string event_body(const MessageRow& message);
// Of what a client sent, so that a repeat is told from another message under the same id. Kept
// beside the text, which may change.
[[nodiscard]] std::string hash_of(const SendMessage& sent);

}  // namespace indaba::chat
