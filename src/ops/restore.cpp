#include "db/process_lock.hpp"
#include "db/sqlite_connection.hpp"
#include "ops/backup.hpp"
#include "ops/files.hpp"
#include "stream/event_log.hpp"

#include <algorithm>

namespace indaba::ops {

namespace {

using db::SqliteConnection;

constexpr std::string_view kNoteRestore =
    "INSERT INTO meta (key, value) VALUES ('restored_at', $1)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value";

void remove_database(const std::filesystem::path& file) {
  std::error_code ignored;
  for (const auto* suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(with_suffix(file, suffix), ignored);
}

// The copy is changed before it gets its name, so that no moment exists in which an old epoch
// stands over new numbers.
Result<std::int64_t> start_new_epochs(const std::filesystem::path& file, const Clock& clock,
                                      Random& random) {
  INDABA_TRY(auto connection, SqliteConnection::open(file, SqliteConnection::Access::read_write));
  INDABA_TRY_VOID(connection->begin());
  INDABA_TRY(const auto streams, stream::new_epochs(*connection, random));
  INDABA_TRY_VOID(connection->execute(kNoteRestore, to_rfc3339(clock.wall())));
  if (Error why; connection->commit(why) != db::CommitOutcome::committed) return why;
  INDABA_TRY_VOID(connection->checkpoint(SqliteConnection::Checkpoint::truncate));
  return streams;  // closing takes the WAL away
}

// Moves what stands in the old database's WAL into its file. False where the database is not well
// enough for that.
bool close_cleanly(const std::filesystem::path& database) {
  auto connection = SqliteConnection::open(database, SqliteConnection::Access::read_write);
  return connection && (*connection)->checkpoint(SqliteConnection::Checkpoint::truncate);
}

// Keeps the present database under another name, whole, beside its own one. Afterwards no WAL
// stands beside it that SQLite would read into the file that comes next.
Result<void> keep_present(const std::filesystem::path& database,
                          const std::filesystem::path& kept) {
  const auto wal = with_suffix(database, "-wal");
  const auto kept_wal = with_suffix(kept, "-wal");
  // A copy first: SQLite takes the WAL of a damaged database away when it opens it.
  const bool has_wal = std::filesystem::exists(wal);
  if (has_wal) {
    INDABA_TRY_VOID(copy_durably(wal, kept_wal));
  }
  const bool clean = close_cleanly(database);
  std::error_code failure;
  if (clean) std::filesystem::remove(kept_wal, failure);
  std::filesystem::remove(wal, failure);
  std::filesystem::remove(with_suffix(database, "-shm"), failure);
  std::filesystem::create_hard_link(database, kept, failure);
  if (failure)
    return Error(ErrorKind::unavailable,
                 fmt::format("The present database cannot be kept as {}: {}.", kept.string(),
                             failure.message()));
  return {};
}

// The new database takes its place in one step: at no moment is there none, which a start would
// take for a fresh installation.
Result<std::filesystem::path> swap_in(const std::filesystem::path& fresh,
                                      const std::filesystem::path& database, const Clock& clock) {
  std::filesystem::path kept;
  if (std::filesystem::exists(database)) {
    auto moment = to_rfc3339(clock.wall());
    std::erase_if(moment, [](char c) { return c == ':' || c == '-'; });
    kept = with_suffix(database, ".replaced-" + moment);
    INDABA_TRY_VOID(keep_present(database, kept));
  }
  INDABA_TRY_VOID(rename_durably(fresh, database, true));
  return kept;
}

}  // namespace

Result<RestoreReport> restore(const std::filesystem::path& file,
                              const std::filesystem::path& database, bool dry_run,
                              const Clock& clock, Random& random) {
  RestoreReport report;
  INDABA_TRY(report.backup, verify_backup(file));
  const auto folder = database.has_parent_path() ? database.parent_path() : ".";
  if (dry_run && !std::filesystem::exists(folder)) return report;
  INDABA_TRY(const auto lock, db::ProcessLock::acquire(folder));
  if (dry_run) return report;

  const auto fresh = with_suffix(database, ".restoring");
  remove_database(fresh);
  INDABA_TRY_VOID(copy_durably(file, fresh));
  INDABA_TRY(const auto copied, sha256_of(fresh));
  if (copied != report.backup.sha256)
    return Error(ErrorKind::unavailable,
                 fmt::format("{} changed while it was copied.", file.string()));
  INDABA_TRY(report.new_epochs, start_new_epochs(fresh, clock, random));
  INDABA_TRY(report.previous_kept, swap_in(fresh, database, clock));
  return report;
}

}  // namespace indaba::ops
