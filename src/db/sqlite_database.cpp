#include "db/sqlite_database.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace indaba::db {

namespace {

std::filesystem::path folder_of(const std::filesystem::path& file) {
  const auto folder = file.parent_path();
  return folder.empty() ? std::filesystem::path(".") : folder;
}

Result<int> bring_up_to_date(SqliteConnection& connection, bool migrate, const Clock& clock) {
  const auto known = compiled_migrations(Dialect::sqlite);
  INDABA_TRY(auto status, schema_status(connection, known));
  if (status.current() && status.migrations.size() == known.size()) {
    const bool pending = std::any_of(status.migrations.begin(), status.migrations.end(),
                                     [](const MigrationState& m) { return m.applied_at.empty(); });
    if (!pending) return 0;
  }
  if (!migrate && status.database != 0) {
    Error error(ErrorKind::conflict, "schema_mismatch",
                fmt::format("The database has schema version {}, this program needs {}. Run "
                            "`indaba migrate up` first.",
                            status.database, status.program));
    error.log = error.detail;
    return error;
  }
  return migrate_up(
      connection, [&](const std::string& sql) { return connection.script(sql); }, known, clock);
}

// The names of the database and its WAL must survive a loss of power as their contents do.
void sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(SqliteOptions options,
                                                             EventSequencer& sequencer,
                                                             const Clock& clock) {
  const auto folder = folder_of(options.file);
  INDABA_TRY(auto lock, ProcessLock::acquire(folder, options.keep_waiting));
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(std::move(options), std::move(lock)));
  const auto& settings = database->options_;
  INDABA_TRY(auto connection,
             SqliteConnection::open(settings.file, SqliteConnection::Access::read_write));
  INDABA_TRY(database->migrated_, bring_up_to_date(*connection, settings.migrate, clock));
  sync_folder(folder);
  database->readers_ = std::make_unique<SqliteReaders>(settings.readers, database->stats_);
  INDABA_TRY_VOID(database->readers_->start(settings.file));
  database->writer_ = std::make_unique<SqliteWriter>(std::move(connection), sequencer,
                                                     settings.writer, database->stats_);
  return database;
}

void SqliteDatabase::submit(Shard, std::unique_ptr<Change> change) {
  writer_->submit(std::move(change));
}

void SqliteDatabase::submit(std::unique_ptr<Query> query) {
  readers_->submit(std::move(query));
}

void SqliteDatabase::stop() {
  // Readers first: the writer is the last to close, because the last one checkpoints.
  if (readers_) readers_->stop();
  if (writer_) writer_->stop();
  lock_.release();
}

Result<SchemaStatus> sqlite_schema_status(const std::filesystem::path& file) {
  INDABA_TRY(auto lock, ProcessLock::acquire(folder_of(file)));
  INDABA_TRY(auto connection, SqliteConnection::open(file, SqliteConnection::Access::read_only));
  return schema_status(*connection, compiled_migrations(Dialect::sqlite));
}

}  // namespace indaba::db
