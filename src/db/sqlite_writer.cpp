#include "db/sqlite_writer.hpp"

#include "db/database_thread.hpp"

#include <spdlog/spdlog.h>

namespace indaba::db {

using namespace std::chrono_literals;

SqliteWriter::SqliteWriter(std::unique_ptr<SqliteConnection> connection, EventSequencer& sequencer,
                           WriterLimits limits, WriterStats& stats)
    : connection_(std::move(connection)),
      limits_(limits),
      stats_(stats),
      group_commit_(*connection_, sequencer, stats),
      next_checkpoint_(limits.checkpoint_pages),
      queue_(limits.queued, "Too many changes wait to be stored.", stats.queued_changes) {
  thread_ = start_database_thread("db-writer", [this] { run_on_writer(); });
}

void SqliteWriter::submit(std::unique_ptr<Change> change) {
  if (auto refusal = queue_.push(change)) change->finish(*std::move(refusal));
}

void SqliteWriter::stop() {
  queue_.stop();
  if (thread_.joinable()) thread_.join();
}

void SqliteWriter::run_on_writer() {
  std::vector<std::unique_ptr<Change>> group;
  while (queue_.take(group, limits_.group)) {
    group_commit_.run(group);
    group.clear();
    checkpoint_when_due();
  }
  if (auto done = connection_->checkpoint(SqliteConnection::Checkpoint::truncate); !done)
    spdlog::warn("the last checkpoint failed, the next start makes up for it: {}",
                 done.error().log);
  connection_.reset();
}

// Passive whenever another 4 MB have gathered: it copies and never waits, and once all is copied
// and no reader stands in the WAL, the next commit starts the file from its beginning. Under
// readers without a pause that moment may never come; past the larger limit the writer therefore
// waits shortly for them and empties the file.
void SqliteWriter::checkpoint_when_due() {
  const int pages = connection_->wal_pages();
  stats_.wal_pages.store(static_cast<std::uint64_t>(pages), std::memory_order_relaxed);
  if (pages + limits_.checkpoint_pages < next_checkpoint_)
    next_checkpoint_ = limits_.checkpoint_pages;
  if (pages < next_checkpoint_) return;
  next_checkpoint_ = pages + limits_.checkpoint_pages;
  const auto kind = pages >= limits_.truncate_pages ? SqliteConnection::Checkpoint::truncate
                                                    : SqliteConnection::Checkpoint::passive;
  auto done = connection_->checkpoint(kind);
  if (!done && done.error().kind != ErrorKind::unavailable)
    spdlog::error("a checkpoint failed: {}", done.error().log);
}

}  // namespace indaba::db
