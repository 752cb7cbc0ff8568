// PgWriter: one thread with one connection, and the bounded queue before it.
//
// submit() and refuse_late() are safe on any thread. Changes are applied and finished on the
// writer's thread. While the outcome of a commit is looked for, or the database cannot be reached,
// what waits is refused, so that nobody waits for longer than a few seconds.
#pragma once

#include "db/bounded_queue.hpp"
#include "db/group_commit.hpp"
#include "db/pg_session.hpp"

#include <thread>

namespace indaba::db {

class PgWriter {
 public:
  PgWriter(const PgTarget& target, int index, PgWriterLimits limits, EventSequencer& sequencer,
           WriterStats& stats);
  ~PgWriter() { stop(); }
  PgWriter(const PgWriter&) = delete;
  PgWriter& operator=(const PgWriter&) = delete;

  void submit(Shard shard, std::unique_ptr<Change> change);
  void refuse_late();  // what has waited for too long
  void stop();         // runs what is queued; later changes are refused

 private:
  struct Waiting {
    std::int64_t shard;
    std::unique_ptr<Change> change;
  };
  void run_on_writer();
  void run(std::vector<Waiting>& taken);
  bool refuse_waiting();
  void refuse(std::vector<Waiting>& waiting);

  const PgWriterLimits limits_;
  PgSession session_;  // the writer thread's
  BoundedQueue<Waiting> queue_;
  GroupCommit group_commit_;
  std::thread thread_;
};

}  // namespace indaba::db
