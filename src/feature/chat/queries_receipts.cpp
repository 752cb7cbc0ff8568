#include "feature/chat/queries.hpp"

namespace indaba::chat::queries {

namespace {

constexpr std::string_view kFindRead =
    "SELECT seq, number, told, delivered FROM room_reads WHERE room_id = $1 AND user_id = $2";
#define INDABA_LATER(column)                                                                  \
  #column " = CASE WHEN excluded." #column " > room_reads." #column " THEN excluded." #column \
          " ELSE room_reads." #column " END"
constexpr std::string_view kMoveRead =
    "INSERT INTO room_reads (room_id, user_id, seq, number, told) VALUES ($1, $2, $3, $4, $3)"
    " ON CONFLICT (room_id, user_id) DO UPDATE SET " INDABA_LATER(seq) ", " INDABA_LATER(
        number) ", " INDABA_LATER(told);
#undef INDABA_LATER
constexpr std::string_view kSetRead =
    "INSERT INTO room_reads (room_id, user_id, seq, number) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (room_id, user_id) DO UPDATE SET seq = excluded.seq, number = excluded.number";
constexpr std::string_view kMoveDelivered =
    "INSERT INTO room_reads (room_id, user_id, delivered) VALUES ($1, $2, $3)"
    " ON CONFLICT (room_id, user_id) DO UPDATE SET delivered = excluded.delivered"
    " WHERE room_reads.delivered < excluded.delivered";
constexpr std::string_view kNewestUpTo =
    "SELECT seq, number FROM messages WHERE room_id = $1 AND seq <= $2 AND seq > 0"
    " ORDER BY seq DESC LIMIT 1";
constexpr std::string_view kNewestFor =
    "SELECT seq FROM messages WHERE room_id = $1 AND seq <= $2 AND seq > 0 AND author_id <> $3"
    " ORDER BY seq DESC LIMIT 1";
constexpr std::string_view kCountSent = "SELECT messages FROM rooms WHERE id = $1";
constexpr std::string_view kCountInRoom = "SELECT count(*) FROM room_members WHERE room_id = $1";
constexpr std::string_view kCountInOrg = "SELECT count(*) FROM org_members WHERE org_id = $1";
// Of those who are still in the organisation, and in the room where it is private.
constexpr std::string_view kListReads =
    "SELECT u.id, u.username, rr.told FROM room_reads rr JOIN users u ON u.id = rr.user_id"
    " JOIN org_members om ON om.org_id = $2 AND om.user_id = rr.user_id"
    " WHERE rr.room_id = $1 AND rr.told > 0 AND ($4 = 0 OR om.role >= $5 OR EXISTS"
    "  (SELECT 1 FROM room_members rm WHERE rm.room_id = rr.room_id AND rm.user_id = rr.user_id))"
    " ORDER BY u.id LIMIT $3";
constexpr std::string_view kListReadsOfTwo =
    "SELECT u.id, u.username, rr.told, rr.delivered FROM room_reads rr"
    " JOIN users u ON u.id = rr.user_id WHERE rr.room_id = $1 ORDER BY u.id";
constexpr std::string_view kListUnread =
    "SELECT r.id, r.slug, r.messages - coalesce(rr.number, 0), coalesce(rr.seq, 0), s.head"
    " FROM rooms r JOIN streams s ON s.id = r.stream_id"
    " LEFT JOIN room_reads rr ON rr.room_id = r.id AND rr.user_id = $2"
    " WHERE r.org_id = $1 AND r.deleted_at IS NULL AND (r.private = 0 OR $3 = 1 OR EXISTS"
    "  (SELECT 1 FROM room_members rm WHERE rm.room_id = r.id AND rm.user_id = $2))"
    " ORDER BY r.id";
constexpr std::string_view kFirstAfter =
    "SELECT id FROM messages WHERE room_id = $1 AND seq > $2 ORDER BY seq LIMIT 1";

}  // namespace

Result<Read> find_read(db::Session& session, RoomId room, UserId user) {
  INDABA_TRY(const auto found, session.first<Read>(
                                   kFindRead,
                                   [](const db::Row& row) {
                                     return Read{{Seq(row.int64(0)), row.int64(1)},
                                                 Seq(row.int64(2)),
                                                 Seq(row.int64(3))};
                                   },
                                   room, user));
  return found.value_or(Read());
}

Result<void> move_read(db::Session& session, RoomId room, UserId user, ReadPosition to) {
  return session.execute(kMoveRead, room, user, to.seq, to.number);
}

Result<void> set_read(db::Session& session, RoomId room, UserId user, ReadPosition to) {
  return session.execute(kSetRead, room, user, to.seq, to.number);
}

Result<bool> move_delivered(db::Session& session, RoomId room, UserId user, Seq to) {
  INDABA_TRY_VOID(session.execute(kMoveDelivered, room, user, to));
  return session.changed() > 0;
}

Result<ReadPosition> newest_up_to(db::Session& session, RoomId room, Seq seq) {
  INDABA_TRY(const auto found,
             session.first<ReadPosition>(
                 kNewestUpTo,
                 [](const db::Row& row) { return ReadPosition{Seq(row.int64(0)), row.int64(1)}; },
                 room, seq));
  return found.value_or(ReadPosition());
}

Result<Seq> newest_for(db::Session& session, RoomId room, UserId user, Seq seq) {
  INDABA_TRY(const auto found,
             session.first<std::int64_t>(kNewestFor, db::number_of, room, seq, user));
  return Seq(found.value_or(0));
}

Result<std::int64_t> count_sent(db::Session& session, RoomId room) {
  INDABA_TRY(const auto count, session.first<std::int64_t>(kCountSent, db::number_of, room));
  return count.value_or(0);
}

Result<std::int64_t> count_readers(db::Session& session, const RoomRow& room) {
  if (!room.org) return 2;
  INDABA_TRY(const auto count,
             room.private_ ? session.first<std::int64_t>(kCountInRoom, db::number_of, room.id)
                           : session.first<std::int64_t>(kCountInOrg, db::number_of, room.org));
  return count.value_or(0);
}

Result<std::vector<ReceiptView>> list_reads(db::Session& session, const RoomRow& room,
                                            std::int64_t limit) {
  if (!room.org)
    return session.all<ReceiptView>(
        kListReadsOfTwo,
        [](const db::Row& row) {
          return ReceiptView{
              {row.id<UserId>(0), row.string(1)}, Seq(row.int64(2)), Seq(row.int64(3))};
        },
        room.id);
  return session.all<ReceiptView>(
      kListReads,
      [](const db::Row& row) {
        return ReceiptView{{row.id<UserId>(0), row.string(1)}, Seq(row.int64(2)), std::nullopt};
      },
      room.id, room.org, limit, room.private_, static_cast<std::int64_t>(auth::Role::admin));
}

Result<std::vector<RoomUnreadView>> list_unread(db::Session& session, OrgId org, UserId user,
                                                bool everything) {
  return session.all<RoomUnreadView>(
      kListUnread,
      [](const db::Row& row) {
        return RoomUnreadView{row.id<RoomId>(0), row.string(1), row.int64(2), Seq(row.int64(3)),
                              Seq(row.int64(4))};
      },
      org, user, everything);
}

Result<std::optional<MessageId>> find_first_after(db::Session& session, RoomId room, Seq seq) {
  return session.first<MessageId>(
      kFirstAfter, [](const db::Row& row) { return row.id<MessageId>(0); }, room, seq);
}

}  // namespace indaba::chat::queries
