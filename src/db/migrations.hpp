// Migrations: the schema as numbered SQL files, compiled in, and applied in their order, each in a
// transaction of its own.
//
// `0001_name.sql` serves both databases; `0001_name.sqlite.sql` and `0001_name.postgres.sql` serve
// one. A file that has been released never changes: what the database has applied is compared by
// checksum. Start-up and the command line only; blocking.
#pragma once

#include "base/clock.hpp"
#include "db/transactional_session.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::db {

struct Migration {
  int version = 0;
  std::string_view name;  // "streams"
  std::string_view sql;
};

// Those of this program, in order of version.
[[nodiscard]] std::vector<Migration> compiled_migrations(Dialect dialect);

struct MigrationState {
  int version = 0;
  std::string name;
  std::string applied_at;  // RFC 3339; empty: pending
};

struct SchemaStatus {
  int database = 0;  // the newest version that is applied; 0: an empty database
  int program = 0;   // the newest version that this program knows
  std::vector<MigrationState> migrations;
  [[nodiscard]] bool current() const noexcept { return database == program; }
};

// Refuses (conflict, with a sentence) a database that is newer than the program or was migrated by
// other files.
[[nodiscard]] Result<SchemaStatus> schema_status(Session& session,
                                                 std::span<const Migration> known);

// Runs several statements without parameters.
using RunScript = std::function<Result<void>(const std::string& sql)>;

// Applies what is pending and says how many that was. After an error the migrations before the
// failed one stay applied. Of several nodes that start at once, one applies each.
[[nodiscard]] Result<int> migrate_up(TransactionalSession& session, const RunScript& script,
                                     std::span<const Migration> known, const Clock& clock);

}  // namespace indaba::db
