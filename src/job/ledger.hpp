// Ledger: the transactions of one worker with the queue: what it takes, what became of it, and that
// it is alive.
//
// A worker has a row of its own that it renews (beat()); where that ends, whoever beats next
// deletes the row and hands the worker's jobs to others. Each job that is handed out gets a new
// `fence` number; a result is recorded only for the number that the run was begun with, so that a
// worker that was paused for too long, or is cut off, records nothing any more. Who was away itself
// (with the whole database, it may be) takes nothing from others in that beat. The embedded
// database has one process, so there nobody's row ends: what a process of before left is taken back
// at the start.
//
// What ends the process that runs it (it crashes, or takes all memory) would go round for ever, and
// take all else in hand with it. So what a lost worker had is under suspicion, and each further run
// of it is written down before it begins: whoever counts too many of them ends it instead.
//
// Awaited on the worker's executor, claim() and beat() one at a time.
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
  std::optional<Millis> left;  // until it is too late to begin
  std::int64_t turn = 0;       // its priority
  StreamId stream;             // none: nobody follows it
  bool cancelling = false;     // before it was handed out
  Millis age{0};               // since it should have begun
  int suspected = 0;           // 0: no; else 1 and its runs since that came to no end
  MonoTime late_at{};          // by the worker's clock; with `left`
};

// What to hand out: up to `most` of these queues, the most urgent first.
struct Wish {
  std::vector<std::string> queues;
  int most = 0;
};

struct Taken {
  std::vector<std::vector<Claimed>> of_wishes;  // in their order
  bool more_due = false;                        // than is made ready at once: ask again
};

// What became of a run.
struct Outcome {
  enum class Kind : unsigned char {
    done,
    retry,
    failed,
    cancelled,
    expired,
    given_back,
    postponed  // tried again later, and no failure
  };
  Kind kind = Kind::done;
  JobId id;
  std::int64_t fence = 0;
  std::string uuid{};  // with `stream`, where somebody follows it
  StreamId stream{};
  std::string result{};  // done: JSON
  Millis kept{0};        // of what has ended; done and 0: the row goes, unless somebody follows it
  Millis delay{0};       // retry, postponed
  std::string error_code{};
  std::string error_message{};  // for people
  std::string error_log{};      // for the operator alone
  bool stopped_well = false;    // given_back: it ran until this process ended in good order
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
  // What came of each wish, also of what has just become due.
  [[nodiscard]] Task<Result<Taken>> claim(std::vector<Wish> wishes);
  // Before a run of what is suspected. false: it is not this worker's any more.
  [[nodiscard]] Task<Result<bool>> note_begun(JobId id, std::int64_t fence);
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
