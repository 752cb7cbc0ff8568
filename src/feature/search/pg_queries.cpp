#include "feature/search/pg_queries.hpp"

namespace indaba::search::queries {

namespace {

// 1024 and 32768 are the blocks of tsquery_of().
constexpr std::string_view kPutEntry =
    "INSERT INTO message_index (id, words)"
    " SELECT m.id, $2::tsvector || array_to_tsvector("
    "   ARRAY[':o' || r.org_id, ':r' || m.room_id, ':u' || m.author_id,"
    "         ':b' || m.id / 1024, ':c' || m.id / 32768]"
    "   || CASE WHEN m.body ILIKE '%http://%' OR m.body ILIKE '%https://%'"
    "      THEN ARRAY[':link'] ELSE ARRAY[]::text[] END"
    "   || CASE WHEN m.reply_to IS NULL THEN ARRAY[]::text[] ELSE ARRAY[':reply'] END)"
    " FROM messages m JOIN rooms r ON r.id = m.room_id"
    " WHERE m.id = $1 AND m.deleted_at IS NULL AND r.org_id IS NOT NULL"
    " ON CONFLICT (id) DO UPDATE SET words = excluded.words";
constexpr std::string_view kRemoveEntry = "DELETE FROM message_index WHERE id = $1";
constexpr std::string_view kMessagesBehind =
    "SELECT id, body FROM messages WHERE id > $1 ORDER BY id LIMIT $2";

}  // namespace

Result<void> put_words(db::Session& session, chat::MessageId id, const std::string& words) {
  const std::array<db::Param, 2> params{db::Param(id), db::Param(words)};
  return session.run_later(kPutEntry, params);
}

Result<void> remove_words(db::Session& session, chat::MessageId id) {
  const std::array<db::Param, 1> params{db::Param(id)};
  return session.run_later(kRemoveEntry, params);
}

Result<std::vector<Unindexed>> messages_behind(db::Session& session, chat::MessageId after,
                                               std::int64_t limit) {
  return session.all<Unindexed>(
      kMessagesBehind,
      [](const db::Row& row) { return Unindexed{row.id<chat::MessageId>(0), row.string(1)}; },
      after.value, limit);
}

}  // namespace indaba::search::queries
