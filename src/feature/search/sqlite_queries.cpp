#include "feature/search/sqlite_queries.hpp"

namespace indaba::search::queries {

namespace {

constexpr std::string_view kEntry =
    "SELECT m.body, 'o' || r.org_id || ' r' || m.room_id || ' u' || m.author_id"
    "   || ' b' || (m.id / 65536)"
    "   || CASE WHEN m.body LIKE '%http://%' OR m.body LIKE '%https://%' THEN ' link' ELSE '' END"
    "   || CASE WHEN m.reply_to IS NULL THEN '' ELSE ' reply' END"
    " FROM messages m JOIN rooms r ON r.id = m.room_id"
    " WHERE m.id = $1 AND m.deleted_at IS NULL AND r.org_id IS NOT NULL";
// Of values alone: an insert from a select could fail halfway, and FTS5 would write out what it has
// gathered before each.
constexpr std::string_view kPutWords =
    "INSERT OR REPLACE INTO message_index (rowid, body, places) VALUES ($1, $2, $3)";
constexpr std::string_view kRemoveWords = "DELETE FROM message_index WHERE rowid = $1";
constexpr std::string_view kAnyGone = "SELECT 1 FROM message_index_gone LIMIT 1";
constexpr std::string_view kRemoveGone =
    "DELETE FROM message_index WHERE rowid IN"
    " (SELECT id FROM message_index_gone ORDER BY id LIMIT $1)";
constexpr std::string_view kForgetGone =
    "DELETE FROM message_index_gone WHERE id IN"
    " (SELECT id FROM message_index_gone ORDER BY id LIMIT $1)";

}  // namespace

Result<void> put(db::Session& session, chat::MessageId id) {
  struct Entry {
    std::string body;
    std::string places;
  };
  INDABA_TRY(
      const auto entry,
      session.first<Entry>(
          kEntry, [](const db::Row& row) { return Entry{row.string(0), row.string(1)}; }, id));
  if (!entry) return {};
  return session.execute(kPutWords, id, entry->body, entry->places);
}

Result<void> remove(db::Session& session, chat::MessageId id) {
  return session.execute(kRemoveWords, id);
}

Result<bool> is_any_gone(db::Session& session) {
  INDABA_TRY(const auto one, session.first<bool>(kAnyGone, [](const db::Row&) { return true; }));
  return one.has_value();
}

Result<std::int64_t> remove_gone(db::Session& session, std::int64_t limit) {
  INDABA_TRY_VOID(session.execute(kRemoveGone, limit));
  INDABA_TRY_VOID(session.execute(kForgetGone, limit));
  return session.changed();
}

}  // namespace indaba::search::queries
