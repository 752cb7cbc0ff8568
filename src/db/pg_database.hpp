// PgDatabase: PostgreSQL, also through PgBouncer in transaction mode. Several writers, a pool of
// readers; other nodes may write to the same database.
//
// open() and stop() belong to the thread that starts and ends the program; everything else is safe
// on any thread. What is promised of changes and commits: pg_session.hpp and group_commit.hpp.
// Events of one stream are numbered under the lock of the stream's row, which is taken in the order
// of the ids: nodes that append to the same streams wait for each other, and never in a circle.
#pragma once

#include "db/database.hpp"
#include "db/event_sequencer.hpp"
#include "db/migrations.hpp"
#include "db/pg_options.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace indaba::db {

class PgReaders;
class PgWriter;

class PgDatabase final : public Database {
 public:
  // The error's `detail` is a sentence for the operator: not reachable, schema newer or older.
  // `sequencer` must outlive the database.
  [[nodiscard]] static Result<std::unique_ptr<PgDatabase>> open(const PgOptions& options,
                                                                EventSequencer& sequencer,
                                                                const Clock& clock);
  ~PgDatabase() override;
  PgDatabase(const PgDatabase&) = delete;
  PgDatabase& operator=(const PgDatabase&) = delete;

  void submit(Shard shard, std::unique_ptr<Change> change) override;
  void submit(std::unique_ptr<Query> query) override;
  void stop() override;

  [[nodiscard]] Dialect dialect() const noexcept override { return Dialect::postgres; }
  [[nodiscard]] const WriterStats& stats() const noexcept override { return stats_; }
  [[nodiscard]] int migrated() const noexcept override { return migrated_; }

 private:
  PgDatabase();
  void watch();

  WriterStats stats_;
  int migrated_ = 0;
  std::unique_ptr<PgReaders> readers_;
  std::vector<std::unique_ptr<PgWriter>> writers_;
  std::thread watcher_;  // refuses what waits behind a database that does not answer
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // under mutex_
};

// What `migrate status` shows.
[[nodiscard]] Result<SchemaStatus> pg_schema_status(const PgOptions& options);

}  // namespace indaba::db
