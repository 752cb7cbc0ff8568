// Ledger: the transactions of one worker with the queue: what it takes, what became of it, and that
// it is alive.
//
// A worker has a row of its own that it renews (beat()); where that ends, whoever beats next
// deletes the row and hands the worker's jobs to others. Each job that is handed out gets a new
// `fence` number; a result is recorded only for the number that the run was begun with, so that a
// worker that was paused for too long, or is cut off, records nothing any more. The embedded
// database has one process, so there nobody's row ends: what a process of before left is taken back
// at the start.
//
// Awaited on the worker's executor, one call at a time but for record_effect().
#pragma once

#include "job/queue.hpp"

#include <set>

namespace indaba::job {

// A job that was handed out.
struct Claimed {
  JobId id;
  std::int64_t fence = 0;
  std::string uuid;
  std::string task;
  std::string arguments;
  OrgId org;
  UserId user;
  int failures = 0;
  bool expired = false;
  std::int64_t turn = 0;  // its priority
  StreamId stream;        // none: nobody follows it
};

// What became of a run.
struct Outcome {
  enum class Kind : unsigned char { done, retry, failed, cancelled, expired, given_back };
  Kind kind = Kind::done;
  JobId id;
  std::int64_t fence = 0;
  std::string uuid{};  // with `stream`, where somebody follows it
  StreamId stream{};
  std::string result{};  // done: JSON
  Millis kept{0};        // all but retry and given_back; 0: the row goes
  Millis delay{0};       // retry
  std::string error_code{};
  std::string error_message{};
};

struct Heard {
  std::vector<JobId> cancelling;   // of those that this worker has
  std::set<JobId> lost;            // held, and not this worker's any more
  bool ready = false;              // somebody may take something
  std::optional<Millis> next_due;  // when the next one that is scheduled is due; 0: now
};

class Ledger {
 public:
  // `name` is for people. `alive` is how long a worker that does not beat keeps what it has. All
  // outlive this.
  Ledger(db::Database& database, Random& random, std::string name, Millis alive);

  // Once, before anything else.
  [[nodiscard]] Task<Result<void>> open();
  // Still alive; takes from the dead, makes ready what is due. `held` is all that this worker knows
  // to have: what else is written down for it (a commit whose answer was lost) goes back.
  [[nodiscard]] Task<Result<Heard>> beat(std::set<JobId> held);
  // Up to `most` of these queues, the most urgent first, also of what has just become due.
  [[nodiscard]] Task<Result<std::vector<Claimed>>> claim(std::vector<std::string> queues, int most);
  // How many of them were this worker's still. Safe to repeat.
  [[nodiscard]] Task<Result<std::int64_t>> record(std::vector<Outcome> outcomes);
  // One that succeeded, together with its effect. false: it was not this worker's any more.
  [[nodiscard]] Task<Result<bool>> record_effect(Outcome outcome,
                                                 std::function<Result<void>(db::WriteTx&)> effect,
                                                 db::Shard shard);
  [[nodiscard]] Task<Result<void>> note_progress(JobId id, std::int64_t fence, double fraction,
                                                 std::string note);
  // The others need not wait for it. What it still has goes back.
  [[nodiscard]] Task<Result<void>> leave();

 private:
  db::Database& database_;
  const std::int64_t worker_;
  const std::string name_;
  const Millis alive_;
};

}  // namespace indaba::job
