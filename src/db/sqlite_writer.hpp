// SqliteWriter: the one thread that writes and checkpoints, and the bounded queue before it.
//
// submit() is safe on any thread. Changes are applied and finished on the writer thread.
#pragma once

#include "db/bounded_queue.hpp"
#include "db/group_commit.hpp"
#include "db/sqlite_connection.hpp"

#include <thread>

namespace indaba::db {

struct WriterLimits {
  std::size_t queued = 4096;
  std::size_t group = 512;
  int checkpoint_pages = 1000;  // 4 MB: copied into the database file while readers go on
  int truncate_pages = 16'000;  // 64 MB: the WAL is emptied, and waits a moment for readers
};

class SqliteWriter {
 public:
  SqliteWriter(std::unique_ptr<SqliteConnection> connection, EventSequencer& sequencer,
               WriterLimits limits, WriterStats& stats);
  ~SqliteWriter() { stop(); }

  void submit(std::unique_ptr<Change> change);
  // Runs what is queued, empties the WAL and closes the connection. Later changes are refused.
  void stop();

 private:
  void run_on_writer();
  void checkpoint_when_due();

  std::unique_ptr<SqliteConnection> connection_;  // the writer thread's
  WriterLimits limits_;
  WriterStats& stats_;
  GroupCommit group_commit_;
  int next_checkpoint_;

  BoundedQueue<std::unique_ptr<Change>> queue_;
  std::thread thread_;
};

}  // namespace indaba::db
