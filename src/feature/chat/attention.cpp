#include "feature/chat/attention.hpp"

#include "feature/chat/mentions.hpp"
#include "feature/chat/queries.hpp"

#include <algorithm>
#include <set>

namespace indaba::chat {

namespace {

struct Message {
  const Standing& standing;
  const MessageRow& row;
  std::int64_t number = 0;
};

void append_counts(std::string& body, const Message& message, const queries::Reader& reader) {
  append_place(body, Standing{message.standing.room, {}, false, reader.peer});
  json::append_member(body, "unread", message.number - reader.read.number);
  json::append_member(body, "last_read_seq", reader.read.seq);
}

void tell(db::WriteTx& tx, const Message& message, const queries::Reader& reader,
          std::string_view type) {
  std::string body;
  json::append_member(body, "message_id", message.row.id);
  json::append_name(body, "author");
  body += json::to_json(message.row.author);
  append_counts(body, message, reader);
  tx.append({reader.me_stream, std::string(type), std::move(body), {}});
  if (type == "room_mention") return;  // one event for each of many is enough
  std::string counts;
  append_counts(counts, message, reader);
  tx.append({reader.me_stream, "unread", std::move(counts), {}});
}

bool wants(const queries::Reader& reader, WallTime now) {
  if (reader.level == NotificationLevel::none) return false;
  return !reader.muted_until || *reader.muted_until <= now;
}

// Tells one person once.
Result<void> tell_one(db::WriteTx& tx, const Message& message, UserId user, std::string_view type,
                      std::set<UserId>& told) {
  if (user == message.row.author.id || !told.insert(user).second) return {};
  INDABA_TRY(const auto reader,
             queries::find_reader(tx.sql(), message.standing.room, user, message.row.author.id));
  if (reader && wants(*reader, message.row.created_at)) tell(tx, message, *reader, type);
  return {};
}

Result<void> tell_room(db::WriteTx& tx, const Message& message, const std::set<UserId>& told) {
  const auto& room = message.standing.room;
  const auto most = message.standing.moderates() ? kMostToldByModerators : kMostToldByMembers;
  INDABA_TRY(const auto count, queries::count_readers(tx.sql(), room));
  if (count > most) return {};
  INDABA_TRY(const auto readers,
             queries::list_readers(tx.sql(), room, message.row.author.id, most));
  for (const auto& reader : readers)
    if (!told.contains(reader.user) && wants(reader, message.row.created_at))
      tell(tx, message, reader, "room_mention");
  return {};
}

Result<void> tell_named(db::WriteTx& tx, const Message& message, const Mentions& mentions,
                        std::set<UserId>& told) {
  for (const auto& name : mentions.names) {
    INDABA_TRY(const auto user, auth::find_user_by_name(tx.sql(), name));
    if (!user) continue;
    INDABA_TRY_VOID(tell_one(tx, message, user->id, "mention", told));
  }
  return {};
}

}  // namespace

Result<void> tell_concerned(db::WriteTx& tx, const Standing& standing, const MessageRow& row,
                            std::int64_t number) {
  const Message message{standing, row, number};
  std::set<UserId> told;
  if (standing.peer) return tell_one(tx, message, standing.peer, "direct_message", told);
  const auto mentions = find_mentions(row.body);
  INDABA_TRY_VOID(tell_named(tx, message, mentions, told));
  if (row.reply_to) {
    INDABA_TRY(const auto answered, queries::find_message(tx.sql(), row.room, *row.reply_to));
    if (answered) {
      INDABA_TRY_VOID(tell_one(tx, message, answered->author.id, "reply", told));
    }
  }
  if (mentions.room) return tell_room(tx, message, told);
  return {};
}

}  // namespace indaba::chat
