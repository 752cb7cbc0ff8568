#include "feature/search/queries.hpp"

namespace indaba::search::queries {

namespace {

// $1 the organisation, $2 the caller, $3 whether they are an API key of it. The same rule as that
// of a room's own page.
#define INDABA_SEES                                                                 \
  "r.org_id = $1 AND r.deleted_at IS NULL AND ($3 = 1 OR EXISTS"                    \
  " (SELECT 1 FROM org_members om JOIN users cu ON cu.id = om.user_id"              \
  "   WHERE om.org_id = r.org_id AND om.user_id = $2 AND cu.active = 1"             \
  "    AND (r.private = 0 OR om.role >= 3 OR EXISTS (SELECT 1 FROM room_members rm" \
  "     WHERE rm.room_id = r.id AND rm.user_id = om.user_id))))"

// $4 and $5 the time, $6 whether it must have a reaction.
#define INDABA_FITS                                                        \
  INDABA_SEES                                                              \
  " AND m.deleted_at IS NULL AND m.created_at >= $4 AND m.created_at < $5" \
  " AND ($6 = 0 OR EXISTS (SELECT 1 FROM reactions re WHERE re.message_id = m.id))"

// $7 the words, between the ids $8 and $9.
#define INDABA_MATCHES \
  "message_index MATCH $7 AND message_index.rowid > $8 AND message_index.rowid < $9"

static_assert(static_cast<int>(auth::Role::admin) == 3, "as INDABA_SEES has it");

constexpr std::string_view kFindUser = "SELECT id FROM users WHERE username_key = $1";
constexpr std::string_view kVisibleRooms =
    "SELECT r.id FROM rooms r WHERE " INDABA_SEES
    " AND ($4 IS NULL OR r.slug = $4) ORDER BY r.id LIMIT $5";
constexpr std::string_view kBlocksOfTimeSqlite =
    "SELECT (SELECT min(first_block) FROM message_days WHERE day >= $1 / 86400000),"
    " (SELECT max(last_block) FROM message_days WHERE day <= ($2 - 1) / 86400000)";
constexpr std::string_view kBlocksOfTimePostgres =
    "SELECT (SELECT min(block) FROM message_days WHERE day >= $1 / 86400000),"
    " (SELECT max(block) FROM message_days WHERE day <= ($2 - 1) / 86400000)";
constexpr std::string_view kNewest = "SELECT coalesce(max(id), 0) FROM messages";
// Read along the index, newest first; what stands beside it is looked up by its id.
constexpr std::string_view kCandidatesSqlite =
    "SELECT message_index.rowid, m.id IS NOT NULL AND r.id IS NOT NULL AND " INDABA_FITS
    " FROM message_index LEFT JOIN messages m ON m.id = message_index.rowid"
    " LEFT JOIN rooms r ON r.id = m.room_id WHERE " INDABA_MATCHES
    " ORDER BY message_index.rowid DESC LIMIT $10";
// The entries by themselves first: with a limit in sight the planner would rather read all messages
// backwards, and for a rare word that is many.
constexpr std::string_view kCandidatesPostgres =
    "WITH entries AS MATERIALIZED (SELECT id FROM message_index"
    "  WHERE words @@ $7::tsquery AND id > $8 AND id < $9),"
    " newest AS MATERIALIZED (SELECT id FROM entries ORDER BY id DESC LIMIT $10)"
    " SELECT newest.id, m.id IS NOT NULL AND r.id IS NOT NULL AND " INDABA_FITS
    " FROM newest LEFT JOIN messages m ON m.id = newest.id"
    " LEFT JOIN rooms r ON r.id = m.room_id ORDER BY newest.id DESC";
constexpr std::string_view kFoundMarked =
    "SELECT m.id, r.id, r.slug, r.name, highlight(message_index, 0, $10, $11)"
    " FROM message_index CROSS JOIN messages m ON m.id = message_index.rowid"
    " CROSS JOIN rooms r ON r.id = m.room_id WHERE " INDABA_MATCHES " AND " INDABA_FITS
    " ORDER BY message_index.rowid DESC LIMIT $12";
constexpr std::string_view kFoundAmong =
    "SELECT m.id, r.id, r.slug, r.name, m.body FROM messages m JOIN rooms r ON r.id = m.room_id"
    " WHERE m.id = ANY ($7) AND " INDABA_FITS " ORDER BY m.id DESC";

#undef INDABA_SEES
#undef INDABA_FITS
#undef INDABA_MATCHES

constexpr std::int64_t kBlock = 1024;  // ids; as the table of days has them

std::int64_t since_of(const Wanted& wanted) {
  return wanted.since ? to_millis(*wanted.since) : std::numeric_limits<std::int64_t>::min();
}

std::int64_t until_of(const Wanted& wanted) {
  return wanted.until ? to_millis(*wanted.until) : std::numeric_limits<std::int64_t>::max();
}

Found found_of(const db::Row& row) {
  return {row.id<chat::MessageId>(0),
          {row.id<chat::RoomId>(1), row.string(2), row.string(3)},
          row.string(4)};
}

}  // namespace

Result<std::optional<UserId>> find_user(db::Session& session, const std::string& username_key) {
  return session.first<UserId>(
      kFindUser, [](const db::Row& row) { return row.id<UserId>(0); }, username_key);
}

Result<std::vector<chat::RoomId>> visible_rooms(db::Session& session, const IndexQuery& query,
                                                std::int64_t limit) {
  return session.all<chat::RoomId>(
      kVisibleRooms, [](const db::Row& row) { return row.id<chat::RoomId>(0); }, query.org,
      query.caller, query.everything, query.wanted.room, limit);
}

Result<Between> ids_of_time(db::Session& session, const Wanted& wanted) {
  const Between everything{0, kMaxSeq.value};
  if (!wanted.since && !wanted.until) return everything;
  const auto sql =
      session.dialect() == db::Dialect::sqlite ? kBlocksOfTimeSqlite : kBlocksOfTimePostgres;
  INDABA_TRY(const auto blocks, session.first<Between>(
                                    sql,
                                    [](const db::Row& row) {
                                      if (row.is_null(0) || row.is_null(1)) return Between{};
                                      return Between{row.int64(0) * kBlock - 1,
                                                     (row.int64(1) + 1) * kBlock};
                                    },
                                    since_of(wanted), until_of(wanted)));
  return blocks.value_or(Between{});
}

Result<chat::MessageId> newest(db::Session& session) {
  INDABA_TRY(const auto id, session.first<chat::MessageId>(kNewest, [](const db::Row& row) {
    return row.id<chat::MessageId>(0);
  }));
  return id.value_or(chat::MessageId());
}

Result<std::vector<Candidate>> candidates(db::Session& session, const IndexQuery& query,
                                          const std::string& match, Between between,
                                          std::int64_t limit) {
  const auto sql =
      session.dialect() == db::Dialect::sqlite ? kCandidatesSqlite : kCandidatesPostgres;
  return session.all<Candidate>(
      sql, [](const db::Row& row) { return Candidate{row.id<chat::MessageId>(0), row.boolean(1)}; },
      query.org, query.caller, query.everything, since_of(query.wanted), until_of(query.wanted),
      query.wanted.reaction, match, between.after, between.before, limit);
}

Result<std::vector<Found>> found_marked(db::Session& session, const IndexQuery& query,
                                        const std::string& match, Between between,
                                        std::int64_t limit, const Marks& marks) {
  return session.all<Found>(kFoundMarked, found_of, query.org, query.caller, query.everything,
                            since_of(query.wanted), until_of(query.wanted), query.wanted.reaction,
                            match, between.after, between.before, marks.open, marks.close, limit);
}

Result<std::vector<Found>> found_among(db::Session& session, const IndexQuery& query,
                                       std::span<const chat::MessageId> ids) {
  std::vector<std::int64_t> values;
  values.reserve(ids.size());
  for (const auto id : ids) values.push_back(id.value);
  return session.all<Found>(kFoundAmong, found_of, query.org, query.caller, query.everything,
                            since_of(query.wanted), until_of(query.wanted), query.wanted.reaction,
                            db::Integers{values});
}

}  // namespace indaba::search::queries
