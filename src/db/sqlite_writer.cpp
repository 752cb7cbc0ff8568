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
      next_checkpoint_(limits.checkpoint_pages) {
  thread_ = start_database_thread("db-writer", [this] { run_on_writer(); });
}

void SqliteWriter::submit(std::unique_ptr<Change> change) {
  Error refusal(ErrorKind::unavailable);
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && queue_.size() < limits_.queued) {
      queue_.push_back(std::move(change));
      stats_.queued_changes.store(queue_.size(), std::memory_order_relaxed);
      if (queue_.size() == 1) wake_.notify_one();
      return;
    }
    refusal.detail = stopping_ ? "The server is stopping." : "Too many changes wait to be stored.";
  }
  refusal.retry_after = 1s;
  change->finish(std::move(refusal));
}

void SqliteWriter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

bool SqliteWriter::take_group(std::vector<std::unique_ptr<Change>>& group) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  while (!queue_.empty() && group.size() < limits_.group) {
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  stats_.queued_changes.store(queue_.size(), std::memory_order_relaxed);
  return !group.empty();
}

void SqliteWriter::run_on_writer() {
  std::vector<std::unique_ptr<Change>> group;
  while (take_group(group)) {
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
