// Scheduler: looks at the schedule when something is due in it, and twice a minute at most when
// nothing is (schedule.hpp has the rules).
//
// Lives on one executor. start(), stop_blocking() and the end on the owner's thread, the rest on
// any. What goes wrong is logged, once until it goes well again, and tried again.
#pragma once

#include "base/log.hpp"
#include "base/random.hpp"
#include "job/schedule.hpp"

#include <memory>

namespace indaba::job {

class Scheduler {
 public:
  struct Parts {
    db::Database& database;
    const Queue& queue;
    const Clock& clock;
    Random& random;
    Logger& log;
    Executor& executor;
  };
  // All of `parts` outlive this.
  Scheduler(Parts parts, std::vector<Entry> entries);
  ~Scheduler();  // after stop_blocking(), where it was started
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void start();
  // Looks no more, and gives the lease back. The executor runs meanwhile.
  void stop_blocking();
  void ring();  // look now

  // As far as is known.
  [[nodiscard]] bool leading() const noexcept;
  [[nodiscard]] std::uint64_t fired() const noexcept;  // slots, by this process

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace indaba::job
