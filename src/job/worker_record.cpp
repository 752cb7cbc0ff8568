// How a worker writes down what became of its runs, and leaves.
#include "job/worker_state.hpp"

namespace indaba::job {

namespace {

constexpr std::size_t kAtOnce = 1000;
constexpr Millis kAfterError{200};
constexpr int kTries = 5;  // of an effect, where the database is away

}  // namespace

void Worker::State::told_end(const Run& run, Outcome::Kind kind) {
  if (parts.observer != nullptr)
    parts.observer->on_ended(run, kind, parts.clock.mono() - run.began_at());
}

void Worker::State::put(Outcome outcome) {
  outcomes.push_back(std::move(outcome));
  if (std::exchange(recording, true)) return;
  // What else ends in this tick goes with it.
  parts.executor.at_tick_end([self = shared_from_this()] { spawn(record_all(self)); });
}

Task<void> Worker::State::record_all(std::shared_ptr<State> self) {
  std::size_t at_once = kAtOnce;
  while (!self->outcomes.empty() && !self->gone) {
    const auto count = std::min(self->outcomes.size(), at_once);
    const auto end = self->outcomes.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<Outcome> some(self->outcomes.begin(), end);
    auto recording = self->ledger.record(some);
    const auto recorded = co_await recording;
    if (!recorded && recorded.error().kind != ErrorKind::unavailable) {
      // One of them cannot be written down, whatever the reason; the others can.
      if (std::exchange(at_once, 1) > 1) continue;
      self->parts.log.error("jobs", "a result could not be recorded",
                            {{"job", some[0].id.value}, {"reason", recorded.error().log}});
    } else if (!recorded) {
      // They stay held, and are tried again: recording twice does no harm.
      co_await sleep_for{kAfterError};
      continue;
    } else {
      at_once = kAtOnce;
    }
    for (const auto& outcome : some)
      if (outcome.kind == Outcome::Kind::retry) self->due_in(outcome.delay + Millis(1));
    self->outcomes.erase(self->outcomes.begin(),
                         self->outcomes.begin() + static_cast<std::ptrdiff_t>(count));
    if (recorded && *recorded < static_cast<std::int64_t>(count))
      self->parts.log.warn("jobs", "results came too late: the work was given to others",
                           {{"count", static_cast<std::int64_t>(count) - *recorded}});
    self->poke();
  }
  self->recording = false;
  self->maybe_left();
}

Task<void> Worker::State::record_effect(std::shared_ptr<State> self, std::shared_ptr<Run> run,
                                        Done done) {
  const auto& claimed = run->claimed();
  self->effects.insert(claimed.id);
  const Outcome outcome{.kind = Outcome::Kind::done,
                        .id = claimed.id,
                        .fence = claimed.fence,
                        .uuid = claimed.uuid,
                        .stream = claimed.stream,
                        .result = std::move(done.result),
                        .kept = run->definition().kept};
  Result<bool> recorded = false;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const auto shard = done.shard.value_or(db::Shard(claimed.id.value));
    auto recording = self->ledger.record_effect(outcome, done.effect, shard);
    recorded = co_await recording;
    if (recorded || recorded.error().kind != ErrorKind::unavailable) break;
    co_await sleep_for{kAfterError};
  }
  self->effects.erase(claimed.id);
  if (!recorded) {
    auto failed = self->failure(*run, recorded.error());
    self->told_end(*run, failed.kind);
    self->put(std::move(failed));
  } else if (*recorded) {
    self->told_end(*run, Outcome::Kind::done);
  }
  self->poke();
  self->maybe_left();
}

void Worker::State::leave(Millis patience, std::function<void()> then) {
  leaving = true;
  when_left = std::move(then);
  for (const auto& claimed : waiting)
    put({.kind = Outcome::Kind::given_back, .id = claimed.id, .fence = claimed.fence});
  waiting.clear();
  for (const auto& [id, run] : runs) run->stop(Run::Why::leaving);
  parts.executor.run_after(patience, [self = shared_from_this()] {
    const auto left = self->runs;
    for (const auto& [id, run] : left) self->ended(run, stopped());
    self->maybe_left();
  });
  maybe_left();
}

void Worker::State::maybe_left() {
  if (!leaving || gone || recording || !effects.empty() || !runs.empty() || !outcomes.empty())
    return;
  gone = true;
  spawn(say_goodbye(shared_from_this()));
}

Task<void> Worker::State::say_goodbye(std::shared_ptr<State> self) {
  auto leaving = self->ledger.leave();
  co_await leaving;  // where it fails, the others wait until its time is over
  if (self->when_left) self->when_left();
}

}  // namespace indaba::job
