// How a worker comes to its jobs.
#include "job/worker_state.hpp"

namespace indaba::job {

namespace {

constexpr Millis kAfterError{500};
constexpr Millis kShort{50};    // what was waiting went faster: more is fetched
constexpr Millis kLong{1'000};  // slower: less

}  // namespace

Worker::State::State(Parts p, WorkerOptions o)
    : parts(p),
      options(std::move(o)),
      ledger(parts.database, parts.random, options.name, options.alive),
      pool(std::make_unique<ThreadPool>(options.concurrency)),
      want(std::max(1, options.concurrency * options.prefetch)) {}

void Worker::State::begin() {
  next_beat = parts.clock.mono();
  poke();
}

void Worker::State::poke() {
  start_waiting();
  if (driving || gone) return;
  driving = true;
  spawn(drive(shared_from_this()));
}

void Worker::State::wake_in(Millis delay) {
  const auto now = parts.clock.mono();
  const auto at = now + delay;
  if (wakes_at > now && wakes_at <= at) return;
  wakes_at = at;
  parts.executor.run_after(delay, [self = shared_from_this()] { self->poke(); });
}

void Worker::State::due_in(Millis delay) {
  if (delay > options.beat) return;  // by then it is asked anyway
  parts.executor.run_after(delay, [self = shared_from_this()] {
    self->more = true;
    self->poke();
  });
}

bool Worker::State::wants_more() const {
  return more && !leaving && static_cast<int>(waiting.size()) <= want / 2 && may_run() &&
         parts.clock.mono() >= next_claim;
}

bool Worker::State::may_run() const {
  return outcomes.size() + effects.size() < kMostUnrecorded;
}

Task<void> Worker::State::drive(std::shared_ptr<State> self) {
  for (;;) {
    bool well = true;
    if (self->gone) break;
    if (!self->open) {
      auto opening = self->ledger.open();
      const auto opened = co_await opening;
      self->open = well = opened.has_value();
    } else if (self->parts.clock.mono() >= self->next_beat) {
      auto beating = self->beat();
      well = co_await beating;
    } else if (self->wants_more()) {
      auto claiming = self->claim();
      well = co_await claiming;
    } else {
      break;
    }
    if (well) continue;
    self->wake_in(kAfterError);
    self->driving = false;
    co_return;
  }
  self->driving = false;
  if (!self->gone) self->wake_in(std::max(self->next_beat - self->parts.clock.mono(), Millis(1)));
}

Task<bool> Worker::State::beat() {
  std::set<JobId> held;
  for (const auto& claimed : waiting) held.insert(claimed.id);
  for (const auto& [id, run] : runs) held.insert(id);
  for (const auto& outcome : outcomes) held.insert(outcome.id);
  held.insert(effects.begin(), effects.end());
  auto beating = ledger.beat(std::move(held));
  const auto heard = co_await beating;
  if (!heard) co_return false;
  next_beat = parts.clock.mono() + options.beat;
  more = more || heard->ready;
  for (const auto id : heard->cancelling) stop_run(id, Run::Why::cancelled);
  for (const auto id : heard->lost) {
    stop_run(id, Run::Why::lost);
    std::erase_if(waiting, [id](const Claimed& claimed) { return claimed.id == id; });
  }
  if (heard->next_due && *heard->next_due < options.beat) due_in(*heard->next_due + Millis(1));
  co_return true;
}

Task<bool> Worker::State::claim() {
  const int most = want - static_cast<int>(waiting.size()) +
                   std::max(options.concurrency - static_cast<int>(runs.size()), 0);
  more = false;
  auto queues = options.queues;
  std::ranges::rotate(queues, queues.begin() + static_cast<std::ptrdiff_t>(turn++ % queues.size()));
  const auto asked = parts.clock.mono();
  auto claiming = ledger.claim(std::move(queues), most);
  auto taken = co_await claiming;
  if (!taken) {
    more = true;
    next_claim = parts.clock.mono() + kAfterError;
    next_beat = std::min(next_beat, next_claim);  // gives back what may have been taken
    co_return false;
  }
  const bool full = static_cast<int>(taken->size()) == most;
  more = more || full;
  learn_pace(asked, full);
  std::ranges::move(*taken, std::back_inserter(waiting));
  start_waiting();
  co_return true;
}

void Worker::State::learn_pace(MonoTime asked, bool full) {
  const auto since = asked - claimed_at;
  claimed_at = asked;
  if (full && since < kShort) want = std::min(want * 2, kMostWaiting);
  if (since > kLong) want = std::max({want / 2, options.concurrency * options.prefetch, 1});
}

}  // namespace indaba::job
