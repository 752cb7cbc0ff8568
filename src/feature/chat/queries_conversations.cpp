#include "feature/chat/queries.hpp"

#include <algorithm>

namespace indaba::chat::queries {

namespace {

#define INDABA_CONVERSATION                            \
  "SELECT c.room_id, r.stream_id, c.low_id, c.high_id" \
  " FROM conversations c JOIN rooms r ON r.id = c.room_id"

constexpr std::string_view kFindByRoom = INDABA_CONVERSATION " WHERE c.room_id = $1";
constexpr std::string_view kFindByUsers =
    INDABA_CONVERSATION " WHERE c.low_id = $1 AND c.high_id = $2";
constexpr std::string_view kFindByStream = INDABA_CONVERSATION " WHERE r.stream_id = $1";
constexpr std::string_view kInsertRoom =
    "INSERT INTO rooms (slug, name, kind, private, stream_id, created_at)"
    " VALUES ('', '', 'conversation', 1, $1, $2) RETURNING id";
constexpr std::string_view kInsertConversation =
    "INSERT INTO conversations (low_id, high_id, room_id) VALUES ($1, $2, $3)";

// The user's, with those whom they still have an organisation in common with.
#define INDABA_CONVERSATIONS_OF                                                              \
  "SELECT * FROM (SELECT c.room_id AS room_id, u.id AS peer_id, u.username, u.display_name," \
  "  r.messages - coalesce(rr.number, 0) AS unread, coalesce(rr.seq, 0), s.head,"            \
  "  coalesce((SELECT max(m.id) FROM messages m WHERE m.room_id = c.room_id), 0) AS last_id" \
  " FROM (SELECT room_id, high_id AS peer_id FROM conversations WHERE low_id = $1"           \
  "       UNION ALL SELECT room_id, low_id FROM conversations WHERE high_id = $1) c"         \
  " JOIN rooms r ON r.id = c.room_id JOIN streams s ON s.id = r.stream_id"                   \
  " JOIN users u ON u.id = c.peer_id"                                                        \
  " LEFT JOIN room_reads rr ON rr.room_id = c.room_id AND rr.user_id = $1"                   \
  " WHERE u.active = 1 AND EXISTS (SELECT 1 FROM org_members a JOIN org_members b"           \
  "  ON b.org_id = a.org_id WHERE a.user_id = $1 AND b.user_id = c.peer_id)) AS own"

constexpr std::string_view kFindOne = INDABA_CONVERSATIONS_OF " WHERE room_id = $2";
constexpr std::string_view kPage =
    INDABA_CONVERSATIONS_OF " WHERE last_id > 0 AND last_id < $2 ORDER BY last_id DESC LIMIT $3";
constexpr std::string_view kUnread =
    INDABA_CONVERSATIONS_OF " WHERE unread > 0 ORDER BY last_id DESC LIMIT $2";

constexpr std::string_view kEndAll =
    "UPDATE rooms SET deleted_at = $2 WHERE deleted_at IS NULL AND id IN"
    " (SELECT room_id FROM conversations WHERE low_id = $1"
    "  UNION ALL SELECT room_id FROM conversations WHERE high_id = $1)";
constexpr std::string_view kEraseReads = "DELETE FROM room_reads WHERE user_id = $1";
constexpr std::string_view kErasePreferences = "DELETE FROM room_preferences WHERE user_id = $1";

#undef INDABA_CONVERSATION
#undef INDABA_CONVERSATIONS_OF

Conversation conversation_of(const db::Row& row) {
  return {row.id<RoomId>(0), row.id<StreamId>(1), row.id<UserId>(2), row.id<UserId>(3)};
}

ConversationRow row_of(const db::Row& row) {
  ConversationRow found;
  found.room = row.id<RoomId>(0);
  found.peer = {row.id<UserId>(1), row.string(2), row.string(3)};
  found.unread = row.int64(4);
  found.last_read_seq = Seq(row.int64(5));
  found.head = Seq(row.int64(6));
  found.last = row.id<MessageId>(7);
  return found;
}

}  // namespace

Result<std::optional<Conversation>> find_conversation(db::Session& session, RoomId room) {
  return session.first<Conversation>(kFindByRoom, conversation_of, room);
}

Result<std::optional<Conversation>> find_conversation(db::Session& session, UserId one,
                                                      UserId other) {
  return session.first<Conversation>(kFindByUsers, conversation_of, std::min(one, other),
                                     std::max(one, other));
}

Result<std::optional<Conversation>> find_conversation(db::Session& session, StreamId stream) {
  return session.first<Conversation>(kFindByStream, conversation_of, stream);
}

Result<RoomId> insert_conversation(db::Session& session, UserId low, UserId high, StreamId stream,
                                   WallTime now) {
  INDABA_TRY(const auto room, session.first<RoomId>(
                                  kInsertRoom, [](const db::Row& row) { return row.id<RoomId>(0); },
                                  stream, to_millis(now)));
  if (!room) return Error::internal("a conversation was not inserted");
  INDABA_TRY_VOID(session.execute(kInsertConversation, low, high, *room));
  return *room;
}

Result<std::optional<ConversationRow>> find_conversation_row(db::Session& session, UserId user,
                                                             RoomId room) {
  return session.first<ConversationRow>(kFindOne, row_of, user, room);
}

Result<std::vector<ConversationRow>> page_conversations(db::Session& session, UserId user,
                                                        std::int64_t before, std::int64_t limit) {
  return session.all<ConversationRow>(kPage, row_of, user, before, limit);
}

Result<std::vector<ConversationRow>> list_unread_conversations(db::Session& session, UserId user,
                                                               std::int64_t limit) {
  return session.all<ConversationRow>(kUnread, row_of, user, limit);
}

Result<void> erase_user(db::Session& session, UserId user, WallTime now) {
  INDABA_TRY_VOID(session.execute(kEndAll, user, to_millis(now)));
  INDABA_TRY_VOID(session.execute(kEraseReads, user));
  return session.execute(kErasePreferences, user);
}

}  // namespace indaba::chat::queries
