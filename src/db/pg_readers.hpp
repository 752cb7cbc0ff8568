// PgReaders: a pool of threads with a connection each, and one bounded queue before them.
//
// Every query has a snapshot of its own, a time limit, and cannot write.
#pragma once

#include "db/bounded_queue.hpp"
#include "db/pg_session.hpp"
#include "db/reader_limits.hpp"
#include "db/writer_stats.hpp"

#include <thread>

namespace indaba::db {

class PgReaders {
 public:
  PgReaders(const PgTarget& target, ReaderLimits limits, WriterStats& stats);
  ~PgReaders() { stop(); }
  PgReaders(const PgReaders&) = delete;
  PgReaders& operator=(const PgReaders&) = delete;

  // Safe on any thread.
  void submit(std::unique_ptr<Query> query);
  void refuse_late();  // what has waited for too long
  void stop();         // runs what is queued; later queries are refused

 private:
  void run_on_reader(PgSession& session);

  WriterStats& stats_;
  BoundedQueue<std::unique_ptr<Query>> queue_;
  std::vector<std::thread> threads_;
};

}  // namespace indaba::db
