#include "feature/chat/queries.hpp"

namespace indaba::chat::queries {

namespace {

#define INDABA_ROOM_COLUMNS \
  "r.id, r.org_id, o.slug, r.slug, r.name, r.kind, r.private, r.stream_id, r.slow_mode"
#define INDABA_ROOM_FOR                                                                  \
  "SELECT " INDABA_ROOM_COLUMNS                                                          \
  ", (SELECT m.role FROM org_members m JOIN users u ON u.id = m.user_id"                 \
  "   WHERE m.org_id = r.org_id AND m.user_id = $3 AND u.active = 1)"                    \
  ", (SELECT count(*) FROM room_members rm WHERE rm.room_id = r.id AND rm.user_id = $3)" \
  " FROM rooms r JOIN orgs o ON o.id = r.org_id WHERE r.org_id = $1 AND r.deleted_at IS NULL"

constexpr std::string_view kFindBySlug = INDABA_ROOM_FOR " AND r.slug = $2";
constexpr std::string_view kFindById = INDABA_ROOM_FOR " AND r.id = $2";
constexpr std::string_view kFindOrg =
    "SELECT org_id FROM rooms WHERE id = $1 AND org_id IS NOT NULL AND deleted_at IS NULL";
constexpr std::string_view kFindSlugs =
    "SELECT o.slug, r.slug FROM rooms r JOIN orgs o ON o.id = r.org_id"
    " WHERE r.org_id = $1 AND r.stream_id = $2 AND r.deleted_at IS NULL";
constexpr std::string_view kPage =
    "SELECT " INDABA_ROOM_COLUMNS
    " FROM rooms r JOIN orgs o ON o.id = r.org_id"
    " WHERE r.org_id = $1 AND r.id > $2 AND r.deleted_at IS NULL"
    " AND (r.private = 0 OR $3 = 1 OR EXISTS"
    "  (SELECT 1 FROM room_members rm WHERE rm.room_id = r.id AND rm.user_id = $4))"
    " ORDER BY r.id LIMIT $5";
constexpr std::string_view kCountSlug =
    "SELECT count(*) FROM rooms WHERE org_id = $1 AND slug = $2 AND deleted_at IS NULL";
constexpr std::string_view kCount =
    "SELECT count(*) FROM rooms WHERE org_id = $1 AND deleted_at IS NULL";
constexpr std::string_view kInsertRoom =
    "INSERT INTO rooms (org_id, slug, name, kind, private, stream_id, slow_mode, created_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";
constexpr std::string_view kUpdate =
    "UPDATE rooms SET slug = $3, name = $4, private = $5, slow_mode = $6"
    " WHERE org_id = $1 AND id = $2";
constexpr std::string_view kMarkDeleted =
    "UPDATE rooms SET deleted_at = $3 WHERE org_id = $1 AND id = $2";
constexpr std::string_view kFindDeleted =
    "SELECT id, stream_id FROM rooms WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1";
constexpr std::string_view kDeleteMessages =
    "DELETE FROM messages WHERE id IN"
    " (SELECT id FROM messages WHERE room_id = $1 ORDER BY id LIMIT $2)";
constexpr std::string_view kDelete = "DELETE FROM rooms WHERE id = $1 AND deleted_at IS NOT NULL";

#define INDABA_MEMBER                                                                 \
  "SELECT rm.user_id, u.username, u.display_name, rm.created_at FROM room_members rm" \
  " JOIN users u ON u.id = rm.user_id WHERE rm.room_id = $1"

constexpr std::string_view kPageMembers =
    INDABA_MEMBER " AND rm.user_id > $2 ORDER BY rm.user_id LIMIT $3";
constexpr std::string_view kFindMember = INDABA_MEMBER " AND rm.user_id = $2";
constexpr std::string_view kInsertMember =
    "INSERT INTO room_members (org_id, room_id, user_id, created_at) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (room_id, user_id) DO NOTHING";
constexpr std::string_view kDeleteMember =
    "DELETE FROM room_members WHERE room_id = $1 AND user_id = $2";

#undef INDABA_ROOM_COLUMNS
#undef INDABA_ROOM_FOR
#undef INDABA_MEMBER

RoomRow room_of(const db::Row& row) {
  RoomRow room;
  room.id = row.id<RoomId>(0);
  room.org = row.id<OrgId>(1);
  room.org_slug = row.string(2);
  room.slug = row.string(3);
  room.name = row.string(4);
  room.kind = json::from_name<Kind>(row.text(5)).value_or(Kind::chat);
  room.private_ = row.boolean(6);
  room.stream = row.id<StreamId>(7);
  room.slow_mode = row.int64(8);
  return room;
}

RoomFor room_for(const db::Row& row) {
  RoomFor found{room_of(row), std::nullopt, row.boolean(10)};
  if (!row.is_null(9)) found.role = static_cast<auth::Role>(row.int64(9));
  return found;
}

RoomMemberView member_of(const db::Row& row) {
  return {row.id<UserId>(0), row.string(1), row.string(2), from_millis(row.int64(3))};
}

}  // namespace

Result<std::optional<RoomFor>> find_room(db::Session& session, const Place& place, UserId user) {
  if (place.room) return session.first<RoomFor>(kFindById, room_for, place.org, place.room, user);
  return session.first<RoomFor>(kFindBySlug, room_for, place.org, place.slug, user);
}

Result<std::optional<OrgId>> find_org_of_room(db::Session& session, RoomId room) {
  return session.first<OrgId>(kFindOrg, [](const db::Row& row) { return row.id<OrgId>(0); }, room);
}

Result<std::optional<std::pair<std::string, std::string>>> find_slugs_of_stream(
    db::Session& session, OrgId org, StreamId stream) {
  return session.first<std::pair<std::string, std::string>>(
      kFindSlugs,
      [](const db::Row& row) {
        return std::pair(std::string(row.text(0)), std::string(row.text(1)));
      },
      org, stream);
}

Result<std::vector<RoomRow>> page_rooms(db::Session& session, OrgId org, const RoomFilter& filter) {
  return session.all<RoomRow>(kPage, room_of, org, filter.after, filter.everything, filter.user,
                              filter.limit);
}

Result<bool> is_slug_taken(db::Session& session, OrgId org, std::string_view slug) {
  INDABA_TRY(const auto rooms, session.first<std::int64_t>(kCountSlug, db::number_of, org, slug));
  return rooms.value_or(0) > 0;
}

Result<std::int64_t> count_rooms(db::Session& session, OrgId org) {
  INDABA_TRY(const auto rooms, session.first<std::int64_t>(kCount, db::number_of, org));
  return rooms.value_or(0);
}

Result<RoomId> insert_room(db::Session& session, const RoomRow& room, WallTime now) {
  INDABA_TRY(const auto id, session.first<RoomId>(
                                kInsertRoom, [](const db::Row& row) { return row.id<RoomId>(0); },
                                room.org, room.slug, room.name, json::name_of(room.kind),
                                room.private_, room.stream, room.slow_mode, to_millis(now)));
  if (!id) return Error::internal("a room was not inserted");
  return *id;
}

Result<void> update_room(db::Session& session, const RoomRow& room) {
  return session.execute(kUpdate, room.org, room.id, room.slug, room.name, room.private_,
                         room.slow_mode);
}

Result<void> mark_deleted(db::Session& session, OrgId org, RoomId room, WallTime now) {
  return session.execute(kMarkDeleted, org, room, to_millis(now));
}

Result<std::optional<DeletedRoom>> find_deleted_room(db::Session& session) {
  return session.first<DeletedRoom>(kFindDeleted, [](const db::Row& row) {
    return DeletedRoom{row.id<RoomId>(0), row.id<StreamId>(1)};
  });
}

Result<std::int64_t> delete_messages(db::Session& session, RoomId room, std::int64_t limit) {
  INDABA_TRY_VOID(session.execute(kDeleteMessages, room, limit));
  return session.changed();
}

Result<void> delete_room(db::Session& session, RoomId room) {
  return session.execute(kDelete, room);
}

Result<std::vector<RoomMemberView>> page_members(db::Session& session, RoomId room,
                                                 std::int64_t after, std::int64_t limit) {
  return session.all<RoomMemberView>(kPageMembers, member_of, room, after, limit);
}

Result<std::optional<RoomMemberView>> find_member(db::Session& session, RoomId room, UserId user) {
  return session.first<RoomMemberView>(kFindMember, member_of, room, user);
}

Result<bool> insert_member(db::Session& session, OrgId org, RoomId room, UserId user,
                           WallTime now) {
  INDABA_TRY_VOID(session.execute(kInsertMember, org, room, user, to_millis(now)));
  return session.changed() > 0;
}

Result<void> delete_member(db::Session& session, RoomId room, UserId user) {
  return session.execute(kDeleteMember, room, user);
}

}  // namespace indaba::chat::queries
