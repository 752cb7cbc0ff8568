// SqliteReaders: a pool of threads with a read-only connection each, and one bounded queue before
// them.
//
// Every query has a snapshot of its own and a time limit: a snapshot that stays open holds up the
// checkpoints, and the WAL grows.
#pragma once

#include "db/database.hpp"
#include "db/sqlite_connection.hpp"
#include "db/writer_stats.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace indaba::db {

struct ReaderLimits {
  std::size_t threads = 3;
  std::size_t queued = 4096;
  Millis time{5000};
};

class SqliteReaders {
 public:
  SqliteReaders(ReaderLimits limits, WriterStats& stats) : limits_(limits), stats_(stats) {}
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
  std::unique_ptr<Query> take();

  ReaderLimits limits_;
  WriterStats& stats_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Query>> queue_;  // under mutex_
  bool stopping_ = false;                     // under mutex_
  std::vector<std::thread> threads_;
};

}  // namespace indaba::db
