#include "feature/exports/queries.hpp"

#include "base/json.hpp"
#include "base/reflect.hpp"

namespace indaba::exports::queries {

namespace {

#define INDABA_UNDER_WAY "j.state IN ('scheduled', 'ready', 'running')"
// One that failed and whose job waits to run again is queued; one whose job runs may be about to
// tell that it failed.
#define INDABA_AGAIN "e.status = 'failed' AND j.state IN ('scheduled', 'ready')"
#define INDABA_EXPORT                                                                     \
  "SELECT e.id, e.task_uuid, e.org_id, e.user_id, e.kind, CASE WHEN " INDABA_AGAIN        \
  " THEN 'queued' ELSE e.status END, e.run, e.line_count, e.byte_count,"                  \
  " e.error_code, e.error_message, e.created_at, e.ended_at, e.expires_at FROM exports e" \
  " LEFT JOIN jobs j ON j.id = e.id"

constexpr std::string_view kInsert =
    "INSERT INTO exports (id, task_uuid, org_id, user_id, kind, status, created_at) VALUES ($1, "
    "$2, $3, $4, $5, 'queued', $6)";
constexpr std::string_view kFind = INDABA_EXPORT
    " WHERE e.org_id = $1 AND e.id = $2 AND (e.expires_at IS NULL OR e.expires_at > $3)";
constexpr std::string_view kFindByTask = INDABA_EXPORT " WHERE e.task_uuid = $1";
constexpr std::string_view kList = INDABA_EXPORT
    " WHERE e.org_id = $1 AND (e.expires_at IS NULL OR e.expires_at > $2) ORDER BY e.id DESC LIMIT "
    "200";
constexpr std::string_view kUnderWay = INDABA_EXPORT
    " WHERE e.org_id = $1 AND e.user_id = $2 AND e.kind = $3 AND ((e.status IN "
    "('queued', 'running') AND " INDABA_UNDER_WAY ") OR (" INDABA_AGAIN
    ")) ORDER BY e.id DESC LIMIT 1";
constexpr std::string_view kCountSince =
    "SELECT count(*), coalesce(min(created_at), 0) FROM exports WHERE org_id = $1 AND created_at > "
    "$2";
constexpr std::string_view kBeginRun =
    "UPDATE exports SET run = run + 1, status = 'running', error_code = NULL, error_message = "
    "NULL, ended_at = NULL, expires_at = NULL WHERE id = $1 AND status <> 'done' RETURNING run";
constexpr std::string_view kAddPiece =
    "INSERT INTO export_chunks (export_id, run, part, size, packed) SELECT id, run, $3, $4, $5 "
    "FROM exports WHERE id = $1 AND run = $2 AND status = 'running'";
constexpr std::string_view kFindPiece =
    "SELECT size, packed FROM export_chunks WHERE export_id = $1 AND run = $2 AND part = $3";
constexpr std::string_view kFinish =
    "UPDATE exports SET status = 'done', line_count = $3, byte_count = $4, ended_at = $5, "
    "expires_at = $6 WHERE id = $1 AND run = $2 AND status = 'running'";
constexpr std::string_view kFail =
    "UPDATE exports SET status = 'failed', error_code = $3, error_message = $4, ended_at = $5, "
    "expires_at = $6 WHERE id = $1 AND run = $2 AND status IN ('queued', 'running')";
constexpr std::string_view kAbandoned =
    INDABA_EXPORT " WHERE e.ended_at IS NULL AND (j.id IS NULL OR NOT " INDABA_UNDER_WAY
                  ") ORDER BY e.id LIMIT $1";
constexpr std::string_view kRemoveExpired = "DELETE FROM exports WHERE expires_at <= $1";
constexpr std::string_view kRemoveStrays =
    "DELETE FROM export_chunks WHERE (export_id, run, part) IN (SELECT c.export_id, c.run, c.part "
    "FROM export_chunks c LEFT JOIN exports e ON e.id = c.export_id WHERE e.id IS NULL OR e.run <> "
    "c.run OR e.status = 'failed' LIMIT $1)";

#undef INDABA_EXPORT
#undef INDABA_AGAIN
#undef INDABA_UNDER_WAY

std::optional<WallTime> maybe_time(const db::Row& row, int column) {
  const auto millis = row.maybe_int64(column);
  return millis ? std::optional(from_millis(*millis)) : std::nullopt;
}

Row row_of(const db::Row& r) {
  Row row;
  row.id = r.id<JobId>(0);
  row.task_uuid = r.string(1);
  row.org = r.id<OrgId>(2);
  row.user = r.id<UserId>(3);
  row.kind = json::from_name<Kind>(r.text(4)).value_or(Kind::tasks_csv);
  row.status = json::from_name<Status>(r.text(5)).value_or(Status::failed);
  row.run = r.int64(6);
  row.lines = r.int64(7);
  row.bytes = r.int64(8);
  row.created_at = from_millis(r.int64(11));
  if (row.status == Status::queued) return row;  // what came of it before is past
  if (!r.is_null(9)) row.error = ExportError{r.string(9), r.string(10)};
  row.ended_at = maybe_time(r, 12);
  row.expires_at = maybe_time(r, 13);
  return row;
}

}  // namespace

Result<void> insert(db::Session& session, const Row& row) {
  return session.execute(kInsert, row.id, row.task_uuid, row.org, row.user, json::name_of(row.kind),
                         to_millis(row.created_at));
}

Result<std::optional<Row>> find(db::Session& session, OrgId org, JobId id, WallTime now) {
  return session.first<Row>(kFind, row_of, org, id, to_millis(now));
}

Result<std::optional<Row>> find(db::Session& session, std::string_view task_uuid) {
  return session.first<Row>(kFindByTask, row_of, task_uuid);
}

Result<std::vector<Row>> list(db::Session& session, OrgId org, WallTime now) {
  return session.all<Row>(kList, row_of, org, to_millis(now));
}

Result<std::optional<Row>> find_under_way(db::Session& session, OrgId org, UserId user, Kind kind) {
  return session.first<Row>(kUnderWay, row_of, org, user, json::name_of(kind));
}

Result<Recent> count_since(db::Session& session, OrgId org, WallTime since) {
  INDABA_TRY(
      const auto found,
      session.first<Recent>(
          kCountSince, [](const db::Row& r) { return Recent{r.int64(0), from_millis(r.int64(1))}; },
          org, to_millis(since)));
  return found.value_or(Recent{});
}

Result<std::optional<std::int64_t>> begin_run(db::Session& session, JobId id) {
  return session.first<std::int64_t>(kBeginRun, [](const db::Row& r) { return r.int64(0); }, id);
}

Result<bool> add_piece(db::Session& session, JobId id, std::int64_t run, std::int64_t part,
                       std::size_t size, std::string_view packed) {
  INDABA_TRY_VOID(
      session.execute(kAddPiece, id, run, part, static_cast<std::int64_t>(size), db::Blob{packed}));
  return session.changed() > 0;
}

Result<std::optional<Piece>> find_piece(db::Session& session, JobId id, std::int64_t run,
                                        std::int64_t part) {
  return session.first<Piece>(
      kFindPiece, [](const db::Row& r) { return Piece{r.int64(0), r.string(1)}; }, id, run, part);
}

Result<bool> finish(db::Session& session, JobId id, std::int64_t run, Totals totals, WallTime now) {
  INDABA_TRY_VOID(session.execute(kFinish, id, run, totals.lines, totals.bytes, to_millis(now),
                                  to_millis(now + Exports::kKept)));
  return session.changed() > 0;
}

Result<bool> fail(db::Session& session, JobId id, std::int64_t run, const ExportError& error,
                  WallTime now) {
  INDABA_TRY_VOID(session.execute(kFail, id, run, error.code, error.message, to_millis(now),
                                  to_millis(now + Exports::kKept)));
  return session.changed() > 0;
}

Result<std::vector<Row>> list_abandoned(db::Session& session, int most) {
  return session.all<Row>(kAbandoned, row_of, most);
}

Result<void> remove_expired(db::Session& session, WallTime now) {
  return session.execute(kRemoveExpired, to_millis(now));
}

Result<std::int64_t> remove_stray_pieces(db::Session& session, int most) {
  INDABA_TRY_VOID(session.execute(kRemoveStrays, most));
  return session.changed();
}

}  // namespace indaba::exports::queries
