// What a Ledger says to the database.
//
// Times are by the database's clock, which is said differently in each: those statements are made
// once for each dialect, because a statement is prepared by its text.
#pragma once

#include "db/session.hpp"

#include <string>
#include <string_view>

namespace indaba::job::ledger_sql {

struct Timed {
  explicit Timed(db::Dialect dialect);
  std::string renew;
  std::string bury;
  std::string promote;
  std::string next_due;
  std::string claim;
  std::string end;
  std::string again;
  std::string later;
};
[[nodiscard]] const Timed& timed(db::Dialect dialect);

inline constexpr std::string_view kInherit =
    "UPDATE jobs SET state = 'ready', worker = NULL, suspected = CASE WHEN suspected = 0 THEN 1 "
    "ELSE "
    "suspected END WHERE state = 'running'";
inline constexpr std::string_view kForgetWorkers = "DELETE FROM job_workers";
inline constexpr std::string_view kTakeFromDead =
    "UPDATE jobs SET state = 'ready', worker = NULL, suspected = CASE WHEN suspected = 0 THEN 1 "
    "ELSE "
    "suspected END WHERE state = 'running' AND worker NOT IN (SELECT id FROM job_workers)";
inline constexpr std::string_view kBegun =
    "UPDATE jobs SET suspected = suspected + 1 WHERE id = $1 AND fence = $2 AND worker = $3";
// Ordered, so that PostgreSQL looks into jobs_by_turn, whatever it believes that there is.
inline constexpr std::string_view kAnyReady =
    "SELECT 1 FROM jobs WHERE state = 'ready' ORDER BY queue, priority, id LIMIT 1";
inline constexpr std::string_view kMine =
    "SELECT id, cancelling FROM jobs WHERE state = 'running' AND worker = $1";
// What names a job asks for its worker only, which a job has exactly while it runs. With the state
// beside it PostgreSQL may take jobs_by_worker, which in a busy minute is full of rows that are
// gone.
inline constexpr std::string_view kGiveBack =
    "UPDATE jobs SET state = 'ready', worker = NULL WHERE id = $1 AND worker = $2";
inline constexpr std::string_view kGiveBackRun =
    "UPDATE jobs SET state = 'ready', worker = NULL, suspected = CASE WHEN $4 = 1 THEN 0 ELSE "
    "suspected "
    "END WHERE id = $1 AND fence = $2 AND worker = $3";
inline constexpr std::string_view kGiveBackAll =
    "UPDATE jobs SET state = 'ready', worker = NULL WHERE worker = $1 AND state = 'running'";
inline constexpr std::string_view kLeave = "DELETE FROM job_workers WHERE id = $1";
inline constexpr std::string_view kGone =
    "DELETE FROM jobs WHERE id = $1 AND fence = $2 AND worker = $3";
inline constexpr std::string_view kAllGone =
    "DELETE FROM jobs USING unnest($1::bigint[], $2::bigint[]) AS mine (id, fence) WHERE jobs.id = "
    "mine.id AND jobs.fence = mine.fence AND jobs.worker = $3";
inline constexpr std::string_view kProgress =
    "UPDATE jobs SET progress = $4, note = $5 WHERE id = $1 AND fence = $2 AND worker = $3";

}  // namespace indaba::job::ledger_sql
