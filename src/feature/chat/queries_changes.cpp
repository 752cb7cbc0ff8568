#include "feature/chat/queries.hpp"

namespace indaba::chat::queries {

namespace {

constexpr std::string_view kFindPlace =
    "SELECT r.org_id, r.id, c.low_id FROM messages m JOIN rooms r ON r.id = m.room_id"
    " LEFT JOIN conversations c ON c.room_id = r.id WHERE m.id = $1 AND r.deleted_at IS NULL";
constexpr std::string_view kUpdateBody =
    "UPDATE messages SET body = $3, edited_at = $4 WHERE room_id = $1 AND id = $2";
constexpr std::string_view kMarkDeleted =
    "UPDATE messages SET deleted_at = $3, deleted_by = $4 WHERE room_id = $1 AND id = $2";

constexpr std::string_view kNewestVersion =
    "SELECT max(version) FROM message_versions WHERE message_id = $1";
constexpr std::string_view kInsertVersion =
    "INSERT INTO message_versions (message_id, version, body, editor_id, seq, created_at)"
    " VALUES ($1, $2, $3, $4, $5, $6)";
constexpr std::string_view kPlaceVersion =
    "UPDATE message_versions SET seq = $3 WHERE message_id = $1 AND version = $2";
constexpr std::string_view kListVersions =
    "SELECT v.body, v.editor_id, u.username, v.seq, v.created_at FROM message_versions v"
    " JOIN users u ON u.id = v.editor_id WHERE v.message_id = $1 ORDER BY v.version";

constexpr std::string_view kCountOtherEmoji =
    "SELECT count(DISTINCT emoji) FROM reactions WHERE message_id = $1 AND emoji <> $2";
constexpr std::string_view kInsertReaction =
    "INSERT INTO reactions (message_id, emoji, user_id, created_at) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (message_id, emoji, user_id) DO NOTHING";
constexpr std::string_view kDeleteReaction =
    "DELETE FROM reactions WHERE message_id = $1 AND emoji = $2 AND user_id = $3";
// In the order in which each emoji came first.
constexpr std::string_view kListReactions =
    "SELECT emoji, count(*), max(CASE WHEN user_id = $2 THEN 1 ELSE 0 END) FROM reactions"
    " WHERE message_id = $1 GROUP BY emoji ORDER BY min(id)";

// Of the messages of a page, along the index of the room.
constexpr std::string_view kReactionsBetween =
    "SELECT e.emoji, count(*), max(CASE WHEN e.user_id = $4 THEN 1 ELSE 0 END),"
    " e.message_id FROM messages m"
    " JOIN reactions e ON e.message_id = m.id WHERE m.room_id = $1 AND m.id >= $2 AND m.id <= $3"
    " GROUP BY e.message_id, e.emoji ORDER BY e.message_id, min(e.id)";

ReactionView reaction_of(const db::Row& row) {
  return {row.string(0), row.int64(1), row.boolean(2)};
}

}  // namespace

Result<std::optional<MessagePlace>> find_message_place(db::Session& session, MessageId id) {
  return session.first<MessagePlace>(
      kFindPlace,
      [id](const db::Row& row) {
        Place room;
        room.org = row.id<OrgId>(0);
        room.room = row.id<RoomId>(1);
        room.low = row.id<UserId>(2);
        return MessagePlace{std::move(room), id};
      },
      id);
}

Result<void> update_body(db::Session& session, RoomId room, MessageId id, std::string_view body,
                         std::optional<WallTime> edited_at) {
  const auto at = edited_at ? std::optional(to_millis(*edited_at)) : std::nullopt;
  return session.execute(kUpdateBody, room, id, body, at);
}

Result<void> mark_message_deleted(db::Session& session, RoomId room, MessageId id, UserId by,
                                  WallTime now) {
  return session.execute(kMarkDeleted, room, id, to_millis(now), by);
}

Result<void> mark_message_restored(db::Session& session, RoomId room, MessageId id) {
  return session.execute(kMarkDeleted, room, id, std::nullopt, std::nullopt);
}

Result<std::int64_t> newest_version(db::Session& session, MessageId id) {
  INDABA_TRY(const auto newest, session.first<std::int64_t>(kNewestVersion, db::number_of, id));
  return newest.value_or(0);
}

Result<void> insert_version(db::Session& session, MessageId id, std::int64_t number,
                            const VersionRow& version) {
  return session.execute(kInsertVersion, id, number, version.body, version.editor.id, version.seq,
                         to_millis(version.created_at));
}

Result<void> place_version(db::Session& session, MessageId id, std::int64_t number, Seq seq) {
  return session.execute(kPlaceVersion, id, number, seq);
}

Result<std::vector<VersionRow>> list_versions(db::Session& session, MessageId id) {
  return session.all<VersionRow>(
      kListVersions,
      [](const db::Row& row) {
        return VersionRow{row.string(0),
                          {row.id<UserId>(1), row.string(2)},
                          Seq(row.int64(3)),
                          from_millis(row.int64(4))};
      },
      id);
}

Result<std::int64_t> count_other_emoji(db::Session& session, MessageId id, std::string_view emoji) {
  INDABA_TRY(const auto count,
             session.first<std::int64_t>(kCountOtherEmoji, db::number_of, id, emoji));
  return count.value_or(0);
}

Result<bool> insert_reaction(db::Session& session, MessageId id, std::string_view emoji,
                             UserId user, WallTime now) {
  INDABA_TRY_VOID(session.execute(kInsertReaction, id, emoji, user, to_millis(now)));
  return session.changed() > 0;
}

Result<bool> delete_reaction(db::Session& session, MessageId id, std::string_view emoji,
                             UserId user) {
  INDABA_TRY_VOID(session.execute(kDeleteReaction, id, emoji, user));
  return session.changed() > 0;
}

Result<std::vector<ReactionView>> list_reactions(db::Session& session, MessageId id, UserId user) {
  return session.all<ReactionView>(kListReactions, reaction_of, id, user.value);
}

Result<std::map<MessageId, std::vector<ReactionView>>> list_reactions_between(
    db::Session& session, RoomId room, MessageId first, MessageId last, UserId user) {
  struct Reacted {
    MessageId message;
    ReactionView reaction;
  };
  INDABA_TRY(auto rows,
             session.all<Reacted>(
                 kReactionsBetween,
                 [](const db::Row& row) { return Reacted{row.id<MessageId>(3), reaction_of(row)}; },
                 room, first, last, user.value));
  std::map<MessageId, std::vector<ReactionView>> found;
  for (auto& row : rows) found[row.message].push_back(std::move(row.reaction));
  return found;
}

}  // namespace indaba::chat::queries
