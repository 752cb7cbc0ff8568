// Storage: the database, the event log on top of it, and the keys that live in it. Opened first,
// closed last.
#pragma once

#include "app/config_sections.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "db/migrations.hpp"
#include "db/pg_database.hpp"
#include "db/process_lock.hpp"
#include "stream/event_log.hpp"
#include "stream/sql_store.hpp"

#include <memory>
#include <optional>
#include <string>

namespace indaba::app {

struct Storage {
  stream::EventLog log;
  std::optional<db::ProcessLock> folder;  // with PostgreSQL; SQLite holds its own
  std::unique_ptr<db::Database> database;
  std::unique_ptr<stream::SqlStore> store;
  std::string signing_key;
  StreamId access_stream;  // api/access_changes.hpp; none where no other node can be there

  explicit Storage(const Clock& clock) : log(clock) {}
};

// For PostgreSQL: whether an older schema is brought up to this program. The embedded database
// always is.
enum class Migrate : bool { no, yes };

// The errors of all of these are sentences for the operator. `keep_waiting`: for another process
// that holds the data folder.
[[nodiscard]] Result<std::unique_ptr<Storage>> open_storage(
    const DataConfig& data, Migrate migrate, const std::string& signing_key, const Clock& clock,
    Random& random, db::ProcessLock::KeepWaiting keep_waiting = {});
// PostgreSQL where database.url is set, else the embedded one.
[[nodiscard]] Result<std::unique_ptr<db::Database>> open_database(
    const DataConfig& data, Migrate migrate, db::EventSequencer& sequencer, const Clock& clock,
    db::ProcessLock::KeepWaiting keep_waiting = {});
[[nodiscard]] Result<db::SchemaStatus> read_schema_status(const DataConfig& data);
[[nodiscard]] db::PgOptions postgres_options(const DataConfig& data, Migrate migrate);
// The stream on which nodes tell each other whose access ended; made on first use.
[[nodiscard]] Result<StreamId> access_stream(db::Database& database, const Clock& clock,
                                             Random& random);
// What a command that knows the embedded database alone says with PostgreSQL.
[[nodiscard]] Error only_embedded(std::string_view command, std::string_view instead);

}  // namespace indaba::app
