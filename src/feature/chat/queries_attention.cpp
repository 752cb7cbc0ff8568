#include "feature/chat/queries.hpp"

namespace indaba::chat::queries {

namespace {

// Active, not the author, and neither of the two has blocked the other: $1 the room, $2 the author.
#define INDABA_READER                                                                  \
  "SELECT u.id, u.me_stream, rr.seq, rr.number, rp.level, rp.muted_until FROM users u" \
  " LEFT JOIN room_reads rr ON rr.room_id = $1 AND rr.user_id = u.id"                  \
  " LEFT JOIN room_preferences rp ON rp.room_id = $1 AND rp.user_id = u.id"            \
  " WHERE u.active = 1 AND u.id <> $2 AND NOT EXISTS (SELECT 1 FROM user_blocks b"     \
  "  WHERE (b.user_id = u.id AND b.blocked_id = $2) OR (b.user_id = $2 AND b.blocked_id = u.id))"
#define INDABA_IN_ORG \
  " AND EXISTS (SELECT 1 FROM org_members om WHERE om.org_id = $3 AND om.user_id = u.id"
#define INDABA_IN_ROOM \
  " AND EXISTS (SELECT 1 FROM room_members rm WHERE rm.room_id = $1 AND rm.user_id = u.id)"

constexpr std::string_view kReaderOfTwo = INDABA_READER " AND u.id = $3";
constexpr std::string_view kReaderOfPublic = INDABA_READER INDABA_IN_ORG ") AND u.id = $4";
constexpr std::string_view kReaderOfPrivate = INDABA_READER INDABA_IN_ORG
    " AND (om.role >= $5 OR EXISTS"
    "  (SELECT 1 FROM room_members rm WHERE rm.room_id = $1 AND rm.user_id = u.id)))"
    " AND u.id = $4";
constexpr std::string_view kReadersOfPublic =
    INDABA_READER INDABA_IN_ORG ") ORDER BY u.id LIMIT $4";
constexpr std::string_view kReadersOfPrivate =
    INDABA_READER INDABA_IN_ORG ")" INDABA_IN_ROOM " ORDER BY u.id LIMIT $4";

constexpr std::string_view kFindPreferences =
    "SELECT level, muted_until FROM room_preferences WHERE room_id = $1 AND user_id = $2";
constexpr std::string_view kSetPreferences =
    "INSERT INTO room_preferences (room_id, user_id, level, muted_until) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (room_id, user_id)"
    " DO UPDATE SET level = excluded.level, muted_until = excluded.muted_until";

#undef INDABA_READER
#undef INDABA_IN_ORG
#undef INDABA_IN_ROOM

NotificationLevel level_of(const db::Row& row, int column, const RoomRow& room) {
  return json::from_name<NotificationLevel>(row.text(column)).value_or(default_level(room));
}

Reader reader_of(const db::Row& row, const RoomRow& room) {
  Reader reader;
  reader.user = row.id<UserId>(0);
  reader.me_stream = row.id<StreamId>(1);
  reader.read = {Seq(row.int64(2)), row.int64(3)};
  reader.level = level_of(row, 4, room);
  reader.muted_until = row.maybe_time(5);
  return reader;
}

}  // namespace

NotificationLevel default_level(const RoomRow& room) {
  return room.org ? NotificationLevel::mentions : NotificationLevel::all;
}

Result<std::optional<Reader>> find_reader(db::Session& session, const RoomRow& room, UserId user,
                                          UserId author) {
  const auto read = [&](const db::Row& row) {
    auto reader = reader_of(row, room);
    if (!room.org) reader.peer = author;
    return reader;
  };
  if (!room.org) return session.first<Reader>(kReaderOfTwo, read, room.id, author, user);
  if (!room.private_)
    return session.first<Reader>(kReaderOfPublic, read, room.id, author, room.org, user);
  return session.first<Reader>(kReaderOfPrivate, read, room.id, author, room.org, user,
                               static_cast<std::int64_t>(auth::Role::admin));
}

Result<std::vector<Reader>> list_readers(db::Session& session, const RoomRow& room, UserId author,
                                         std::int64_t limit) {
  return session.all<Reader>(
      room.private_ ? kReadersOfPrivate : kReadersOfPublic,
      [&](const db::Row& row) { return reader_of(row, room); }, room.id, author, room.org, limit);
}

Result<RoomPreferences> find_preferences(db::Session& session, const RoomRow& room, UserId user) {
  INDABA_TRY(const auto found, session.first<RoomPreferences>(
                                   kFindPreferences,
                                   [&](const db::Row& row) {
                                     return RoomPreferences{level_of(row, 0, room),
                                                            row.maybe_time(1)};
                                   },
                                   room.id, user));
  return found.value_or(RoomPreferences{default_level(room), std::nullopt});
}

Result<void> set_preferences(db::Session& session, RoomId room, UserId user,
                             const RoomPreferences& wanted) {
  const auto until =
      wanted.muted_until ? std::optional(to_millis(*wanted.muted_until)) : std::nullopt;
  return session.execute(kSetPreferences, room, user, json::name_of(wanted.level), until);
}

}  // namespace indaba::chat::queries
