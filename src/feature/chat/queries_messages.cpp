#include "feature/chat/queries.hpp"

namespace indaba::chat::queries {

namespace {

#define INDABA_MESSAGE                                                                       \
  "SELECT m.id, m.room_id, m.author_id, u.username, m.seq, m.body, m.reply_to, m.thread_id," \
  " m.client_message_id, m.created_at, m.edited_at, m.deleted_at, m.sent_hash"               \
  " FROM messages m JOIN users u ON u.id = m.author_id WHERE m.room_id = $1"

constexpr std::string_view kFindFirstSent =
    INDABA_MESSAGE " AND m.author_id = $2 AND m.client_message_id = $3";
constexpr std::string_view kFind = INDABA_MESSAGE " AND m.id = $2";
constexpr std::string_view kPageBefore =
    INDABA_MESSAGE " AND m.id < $2 ORDER BY m.id DESC LIMIT $3";
constexpr std::string_view kPageAfter = INDABA_MESSAGE " AND m.id > $2 ORDER BY m.id LIMIT $3";
constexpr std::string_view kAnyBefore =
    "SELECT 1 FROM messages WHERE room_id = $1 AND id < $2 LIMIT 1";
constexpr std::string_view kAnyAfter =
    "SELECT 1 FROM messages WHERE room_id = $1 AND id > $2 LIMIT 1";
constexpr std::string_view kTakeNumber =
    "UPDATE rooms SET messages = messages + 1 WHERE id = $1 RETURNING messages";
constexpr std::string_view kInsertMessage =
    "INSERT INTO messages (room_id, author_id, seq, number, body, reply_to, thread_id,"
    " client_message_id, sent_hash, created_at) VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9)"
    " RETURNING id";
constexpr std::string_view kPlace =
    "UPDATE messages SET seq = $3, created_at = $4 WHERE room_id = $1 AND id = $2";

constexpr std::string_view kNoteSent =
    "INSERT INTO room_reads (room_id, user_id, sent_at) VALUES ($1, $2, $3)"
    " ON CONFLICT (room_id, user_id) DO UPDATE SET sent_at = excluded.sent_at";
constexpr std::string_view kLastSent =
    "SELECT sent_at FROM room_reads WHERE room_id = $1 AND user_id = $2 AND sent_at > 0";

#undef INDABA_MESSAGE

std::optional<MessageId> maybe_message(const db::Row& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.id<MessageId>(column));
}

MessageRow message_of(const db::Row& row) {
  MessageRow message;
  message.id = row.id<MessageId>(0);
  message.room = row.id<RoomId>(1);
  message.author = {row.id<UserId>(2), row.string(3)};
  message.seq = Seq(row.int64(4));
  message.body = row.string(5);
  message.reply_to = maybe_message(row, 6);
  message.thread_id = maybe_message(row, 7);
  message.client_message_id = row.maybe_string(8);
  message.created_at = from_millis(row.int64(9));
  message.edited_at = row.maybe_time(10);
  message.deleted_at = row.maybe_time(11);
  return message;
}

}  // namespace

Result<std::optional<FirstSent>> find_first_sent(db::Session& session, RoomId room, UserId author,
                                                 std::string_view client_message_id) {
  return session.first<FirstSent>(
      kFindFirstSent, [](const db::Row& row) { return FirstSent{message_of(row), row.string(12)}; },
      room, author, client_message_id);
}

Result<std::optional<MessageRow>> find_message(db::Session& session, RoomId room, MessageId id) {
  return session.first<MessageRow>(kFind, message_of, room, id);
}

Result<std::int64_t> take_number(db::Session& session, RoomId room) {
  INDABA_TRY(const auto number, session.first<std::int64_t>(kTakeNumber, db::number_of, room));
  if (!number) return Error::internal("a room has gone while it was written to");
  return *number;
}

Result<MessageId> insert_message(db::Session& session, const MessageRow& message,
                                 std::int64_t number, std::string_view hash) {
  std::optional<db::Blob> sent_hash;
  if (message.client_message_id) sent_hash = db::Blob{hash};
  INDABA_TRY(
      const auto id,
      session.first<MessageId>(
          kInsertMessage, [](const db::Row& row) { return row.id<MessageId>(0); }, message.room,
          message.author.id, number, message.body, message.reply_to, message.thread_id,
          message.client_message_id, sent_hash, to_millis(message.created_at)));
  if (!id) return Error::internal("a message was not inserted");
  return *id;
}

Result<void> place_message(db::Session& session, RoomId room, MessageId id, Seq seq,
                           WallTime created_at) {
  return session.execute(kPlace, room, id, seq, to_millis(created_at));
}

Result<std::vector<MessageRow>> page_before(db::Session& session, RoomId room, MessageId before,
                                            std::int64_t limit) {
  return session.all<MessageRow>(kPageBefore, message_of, room, before, limit);
}

Result<std::vector<MessageRow>> page_after(db::Session& session, RoomId room, MessageId after,
                                           std::int64_t limit) {
  return session.all<MessageRow>(kPageAfter, message_of, room, after.value, limit);
}

Result<void> note_sent(db::Session& session, RoomId room, UserId author, WallTime now) {
  return session.execute(kNoteSent, room, author, to_millis(now));
}

Result<std::optional<WallTime>> find_last_sent(db::Session& session, RoomId room, UserId author) {
  return session.first<WallTime>(
      kLastSent, [](const db::Row& row) { return from_millis(row.int64(0)); }, room, author);
}

Result<bool> is_any_before(db::Session& session, RoomId room, MessageId before) {
  INDABA_TRY(const auto one, session.first<std::int64_t>(kAnyBefore, db::number_of, room, before));
  return one.has_value();
}

Result<bool> is_any_after(db::Session& session, RoomId room, MessageId after) {
  INDABA_TRY(const auto one,
             session.first<std::int64_t>(kAnyAfter, db::number_of, room, after.value));
  return one.has_value();
}

}  // namespace indaba::chat::queries
