// Copies an embedded database into an empty PostgreSQL: all rows of all tables, in one transaction,
// so that there is all of it or nothing. Ids, numbers and epochs stay: clients resume where they
// were. What one database alone can have, such as an index of words, is made anew by `finish`.
#pragma once

#include "base/clock.hpp"
#include "db/event_sequencer.hpp"
#include "db/pg_options.hpp"
#include "db/session.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace indaba::db {

struct CopiedTable {
  std::string name;
  std::int64_t rows = 0;
};

struct CopyRequest {
  std::filesystem::path from;  // the file; no process may have it open
  PgOptions to;
  // Now and then, with the table that is being copied.
  std::function<void(const CopiedTable&)> on_progress = [](const CopiedTable&) {};
  // In the same transaction, when all rows are there.
  std::function<Result<void>(Session&)> finish = [](Session&) { return Result<void>(); };
};

// Both are brought up to this program first. Refuses (conflict) a target that holds a row already.
// The rows are counted on both sides before the commit.
[[nodiscard]] Result<std::vector<CopiedTable>> copy_to_postgres(const CopyRequest& request,
                                                                EventSequencer& sequencer,
                                                                const Clock& clock);

}  // namespace indaba::db
