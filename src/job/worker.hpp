// Worker: takes jobs out of the queue, so many at a time, and runs them.
//
// It takes a few more than it runs (lane.hpp). A commit that brings new work rings the bell
// (Queue::when_enqueued); asking now and then is for what was enqueued elsewhere while nothing
// carried the word. What became of runs is recorded together, after they ended (late
// acknowledgement): a process that dies has its jobs run again by others, one that is paused for
// too long records nothing more (ledger.hpp).
//
// Lives on one executor; bodies that wait run there too, bodies that block on threads of a pool.
// start(), stop_blocking() and the end on the owner's thread, the rest on any.
#pragma once

#include "base/log.hpp"
#include "job/run.hpp"
#include "job/thread_pool.hpp"

#include <memory>

namespace indaba::job {

struct WorkerOptions {
  std::string name = "worker";
  std::vector<std::string> queues{"default", std::string(kLongQueue)};
  int concurrency = 4;
  int prefetch = 2;          // for each that runs; more where runs are short
  int long_concurrency = 2;  // beside these, for kLongQueue where it is one of several
  Millis alive{15'000};      // how long others leave what it has to a worker that is not heard of
  Millis beat{5'000};        // how often it says that it lives, and asks
};

// Who is told. On the worker's executor; must not block.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_ended(const std::string& task, Outcome::Kind outcome, Millis took) = 0;
  // Not begun at all: too late, cancelled, or nobody knows it.
  virtual void on_refused(const std::string& task, Outcome::Kind outcome) = 0;
  virtual void on_progress(const Run& run, double fraction, std::string_view note) = 0;
  // Others may take what this worker had no slot for.
  virtual void on_given_back() = 0;
};

class Worker {
 public:
  struct Parts {
    db::Database& database;
    const Registry& registry;
    const Clock& clock;
    Random& random;
    Logger& log;
    Executor& executor;
    Observer* observer = nullptr;
  };
  // All of `parts` outlive this.
  Worker(Parts parts, WorkerOptions options);
  ~Worker();  // after stop_blocking()
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  // Takes nothing more, asks all runs to stop, waits for them as long as `patience`, and gives back
  // what is left. The executor runs meanwhile.
  void stop_blocking(Millis patience);

  // There is new work, due in `delay`.
  void ring(Millis delay);
  // Asks a run to stop, if it is here.
  void cancel(JobId id);

  [[nodiscard]] int running() const noexcept;
  // Bodies on threads that have not come back, of whatever has become of their runs. Any thread.
  [[nodiscard]] int hanging() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace indaba::job
