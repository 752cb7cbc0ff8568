// What succeeded, in the database: the effect of a task and the row that says so are one
// transaction, so that a task that is delivered twice has it once.
#pragma once

#include "base/task.hpp"
#include "db/database.hpp"
#include "job/definition.hpp"

#include <optional>
#include <string>

namespace indaba::job::celery {

// The result that a task had, as JSON; none where it has not succeeded yet.
[[nodiscard]] Task<Result<std::optional<std::string>>> find_done(db::Database& database,
                                                                 std::string id);
// Runs the effect and keeps the result, unless that was done before: then it is the result of then.
[[nodiscard]] Task<Result<std::string>> record_done(db::Database& database, std::string id,
                                                    Done done, WallTime now);
// Forgets what is older, a part at a time. How many.
[[nodiscard]] Task<Result<std::int64_t>> purge_done(db::Database& database, WallTime before);

}  // namespace indaba::job::celery
