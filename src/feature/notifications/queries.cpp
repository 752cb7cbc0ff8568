#include "feature/notifications/queries.hpp"

#include "base/text.hpp"

namespace indaba::notifications::queries {

namespace {

constexpr std::string_view kFindLastRead =
    "SELECT last_read_seq FROM notification_reads WHERE org_id = $1 AND user_id = $2";
constexpr std::string_view kMoveLastRead =
    "INSERT INTO notification_reads (org_id, user_id, last_read_seq) VALUES ($1, $2, $3)"
    " ON CONFLICT (org_id, user_id) DO UPDATE SET last_read_seq = excluded.last_read_seq"
    " WHERE notification_reads.last_read_seq < excluded.last_read_seq";
constexpr std::string_view kFindPreferences =
    "SELECT muted_types, push_enabled, push_types FROM notification_preferences"
    " WHERE org_id = $1 AND user_id = $2";
constexpr std::string_view kPutPreferences =
    "INSERT INTO notification_preferences (org_id, user_id, muted_types, push_enabled, push_types)"
    " VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (org_id, user_id) DO UPDATE SET muted_types = excluded.muted_types,"
    " push_enabled = excluded.push_enabled, push_types = excluded.push_types";
constexpr std::string_view kFindSlug =
    "SELECT slug FROM orgs WHERE id = $1 AND notifications_stream = $2";
constexpr std::string_view kEraseReads = "DELETE FROM notification_reads WHERE user_id = $1";
constexpr std::string_view kErasePreferences =
    "DELETE FROM notification_preferences WHERE user_id = $1";
constexpr std::string_view kCountAfter =
    "SELECT type, count(*) FROM (SELECT type FROM events WHERE stream_id = $1 AND seq > $2"
    " ORDER BY seq DESC LIMIT $3) AS newest GROUP BY type";
constexpr std::string_view kCountSince =
    "SELECT type, count(*) FROM (SELECT type, created_at FROM events WHERE stream_id = $1"
    " ORDER BY seq DESC LIMIT $3) AS newest WHERE created_at >= $2 GROUP BY type";

// Types hold no spaces, so a list of them is a text with spaces between.
std::string joined(const std::vector<api::EventType>& types) {
  std::string out;
  for (const auto& type : types) {
    if (!out.empty()) out += ' ';
    out += type.str();
  }
  return out;
}

std::vector<api::EventType> split(std::string_view text) {
  std::vector<api::EventType> out;
  for (const auto part : text::split(text, ' '))
    if (!part.empty()) out.emplace_back(std::string(part));
  return out;
}

Result<Counts> count(db::Session& session, std::string_view sql, StreamId stream, std::int64_t from,
                     std::int64_t most) {
  Counts counts;
  const std::initializer_list<db::Param> params{stream, from, most};
  INDABA_TRY_VOID(session.run(
      sql, params, [&](const db::Row& row) { counts.emplace(row.string(0), row.int64(1)); }));
  return counts;
}

}  // namespace

Result<Seq> find_last_read(db::Session& session, OrgId org, UserId user) {
  INDABA_TRY(const auto seq,
             session.first<Seq>(
                 kFindLastRead, [](const db::Row& row) { return Seq(row.int64(0)); }, org, user));
  return seq.value_or(Seq());
}

Result<void> move_last_read(db::Session& session, OrgId org, UserId user, Seq up_to) {
  return session.execute(kMoveLastRead, org, user, up_to);
}

Result<std::optional<Preferences>> find_preferences(db::Session& session, OrgId org, UserId user) {
  return session.first<Preferences>(
      kFindPreferences,
      [](const db::Row& row) {
        return Preferences{split(row.text(0)), {row.boolean(1), split(row.text(2))}};
      },
      org, user);
}

Result<void> put_preferences(db::Session& session, OrgId org, UserId user,
                             const Preferences& preferences) {
  return session.execute(kPutPreferences, org, user, joined(preferences.muted_types),
                         preferences.push.enabled, joined(preferences.push.types));
}

Result<std::optional<std::string>> find_slug_of_stream(db::Session& session, OrgId org,
                                                       StreamId stream) {
  return session.first<std::string>(
      kFindSlug, [](const db::Row& row) { return std::string(row.text(0)); }, org, stream);
}

Result<void> erase_user(db::Session& session, UserId user) {
  INDABA_TRY_VOID(session.execute(kEraseReads, user));
  return session.execute(kErasePreferences, user);
}

Result<Counts> count_after(db::Session& session, StreamId stream, Seq after, std::int64_t most) {
  return count(session, kCountAfter, stream, after.value, most);
}

Result<Counts> count_since(db::Session& session, StreamId stream, WallTime from,
                           std::int64_t most) {
  return count(session, kCountSince, stream, to_millis(from), most);
}

}  // namespace indaba::notifications::queries
