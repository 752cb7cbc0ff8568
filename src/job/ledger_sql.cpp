#include "job/ledger_sql.hpp"

#include "db/sql_clock.hpp"

#include <fmt/format.h>

namespace indaba::job::ledger_sql {

Timed::Timed(db::Dialect dialect) {
  const auto now = db::sql_now(dialect);
  const bool postgres = dialect == db::Dialect::postgres;
  // Nobody waits for a row that another one is about to take.
  const std::string_view skip = postgres ? " FOR UPDATE SKIP LOCKED" : "";
  renew = fmt::format(
      "INSERT INTO job_workers (id, name, alive_until) VALUES ($1, $2, {0} + $3) ON CONFLICT "
      "(id) "
      "DO UPDATE SET alive_until = excluded.alive_until",
      now);
  // Before its own row is renewed. Nobody lives for a day: that is another clock's.
  bury = fmt::format(
      "DELETE FROM job_workers WHERE id IN (SELECT id FROM job_workers WHERE (alive_until < {0} "
      "OR alive_until > {0} + 86400000) AND id <> $1{1}) AND (alive_until < {0} OR alive_until > "
      "{0} + 86400000) AND EXISTS (SELECT 1 FROM job_workers WHERE id = $1 AND alive_until >= "
      "{0})",
      now, skip);
  promote = fmt::format(
      "UPDATE jobs SET state = 'ready' WHERE id IN (SELECT id FROM jobs WHERE state = "
      "'scheduled' "
      "AND due_at <= {0} ORDER BY due_at LIMIT $1{1})",
      now, skip);
  next_due = fmt::format(
      "SELECT CASE WHEN due_at > {0} THEN due_at - {0} ELSE 0 END FROM jobs WHERE state = "
      "'scheduled' ORDER BY due_at LIMIT 1",
      now);
  claim = fmt::format(
      "UPDATE jobs SET state = 'running', worker = $1, fence = fence + 1, begun_at = {0} WHERE "
      "id "
      "IN (SELECT id FROM jobs WHERE state = 'ready' AND queue = $2 ORDER BY priority, id LIMIT "
      "$3{1}) RETURNING id, fence, uuid, task, arguments, org_id, user_id, failures, expires_at "
      "- "
      "{0}, priority, stream_id, cancelling, {0} - coalesce(wanted_at, created_at), suspected",
      now, skip);
  end = fmt::format(
      "UPDATE jobs SET state = $4, worker = NULL, result = $5, error = $6, failures = failures + "
      "$7, progress = CASE WHEN $4 = 'done' THEN 1000 ELSE progress END, ended_at = {0}, "
      "forget_at = {0} + $8 WHERE id = $1 AND fence = $2 AND worker = $3",
      now);
  again = fmt::format(
      "UPDATE jobs SET state = CASE WHEN cancelling = 1 THEN 'cancelled' ELSE 'scheduled' END, "
      "ended_at = CASE WHEN cancelling = 1 THEN {0} END, forget_at = CASE WHEN cancelling = 1 "
      "THEN "
      "{0} + 3600000 END, worker = NULL, error = $4, failures = failures + 1, suspected = 0, "
      "due_at = {0} + $5, wanted_at = {0} + $5 WHERE id = $1 AND fence = $2 AND worker = $3 "
      "RETURNING state",
      now);
  later = fmt::format(
      "UPDATE jobs SET state = 'scheduled', worker = NULL, error = $4, due_at = {0} + $5 WHERE "
      "id = $1 AND fence = $2 AND worker = $3",
      now);
}

const Timed& timed(db::Dialect dialect) {
  static const Timed sqlite(db::Dialect::sqlite);
  static const Timed postgres(db::Dialect::postgres);
  return dialect == db::Dialect::sqlite ? sqlite : postgres;
}

}  // namespace indaba::job::ledger_sql
