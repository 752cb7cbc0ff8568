// SqliteReaders: a pool of threads with a read-only connection each, and one bounded queue before
// them.
//
// Every query has a snapshot of its own and a time limit: a snapshot that stays open holds up the
// checkpoints, and the WAL grows.
#pragma once

#include "db/bounded_queue.hpp"
#include "db/reader_limits.hpp"
#include "db/sqlite_connection.hpp"
#include "db/writer_stats.hpp"

#include <thread>

namespace indaba::db {

class SqliteReaders {
 public:
  SqliteReaders(ReaderLimits limits, WriterStats& stats)
      : limits_(limits),
        stats_(stats),
        queue_(limits.queued, "Too many queries wait.", stats.queued_queries) {}
  ~SqliteReaders() { stop(); }
  // Opens the connections and starts the threads. The file must exist, with its WAL open in the
  // writer.
  Result<void> start(const std::filesystem::path& file);

  // Safe on any thread.
  void submit(std::unique_ptr<Query> query);
  void stop();  // runs what is queued; later queries are refused

 private:
  void run_on_reader(SqliteConnection& connection);
  void answer(SqliteConnection& connection, Query& query);

  ReaderLimits limits_;
  WriterStats& stats_;
  BoundedQueue<std::unique_ptr<Query>> queue_;
  std::vector<std::thread> threads_;
};

}  // namespace indaba::db
