// SqliteDatabase: the embedded database. One writer thread, a pool of readers, and the lock that
// keeps other processes out.
//
// open() and stop() belong to the thread that starts and ends the program; everything else is safe
// on any thread.
#pragma once

#include "db/database.hpp"
#include "db/migrations.hpp"
#include "db/process_lock.hpp"
#include "db/sqlite_readers.hpp"
#include "db/sqlite_writer.hpp"

namespace indaba::db {

struct SqliteOptions {
  std::filesystem::path file;  // its folder holds the lock, and is made where it is missing
  ProcessLock::KeepWaiting keep_waiting{};  // for another process to let go
  bool migrate = true;  // without: a database that is older than the program is refused
  WriterLimits writer{};
  ReaderLimits readers{};
};

class SqliteDatabase final : public Database {
 public:
  // The error's `detail` is a sentence for the operator: folder not writable, in use by another
  // process, schema newer, no database. `sequencer` must outlive the database.
  [[nodiscard]] static Result<std::unique_ptr<SqliteDatabase>> open(SqliteOptions options,
                                                                    EventSequencer& sequencer,
                                                                    const Clock& clock);
  ~SqliteDatabase() override { stop(); }

  void submit(Shard shard, std::unique_ptr<Change> change) override;
  void submit(std::unique_ptr<Query> query) override;
  using Database::read;
  using Database::write;

  // Refuses new work, finishes what is queued, empties the WAL, lets go of the lock.
  void stop() override;

  [[nodiscard]] Dialect dialect() const noexcept override { return Dialect::sqlite; }
  [[nodiscard]] const WriterStats& stats() const noexcept override { return stats_; }
  [[nodiscard]] const std::filesystem::path& file() const noexcept { return options_.file; }
  [[nodiscard]] int migrated() const noexcept override { return migrated_; }

 private:
  SqliteDatabase(SqliteOptions options, ProcessLock lock)
      : options_(std::move(options)), lock_(std::move(lock)) {}

  SqliteOptions options_;
  ProcessLock lock_;
  WriterStats stats_;
  int migrated_ = 0;
  std::unique_ptr<SqliteReaders> readers_;
  std::unique_ptr<SqliteWriter> writer_;
};

// What `migrate status` shows of a database file that no process has open.
[[nodiscard]] Result<SchemaStatus> sqlite_schema_status(const std::filesystem::path& file);

}  // namespace indaba::db
