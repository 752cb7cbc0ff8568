// How a worker writes down what became of its runs, and leaves.
#include "job/worker_state.hpp"

namespace indaba::job {

namespace {

constexpr std::size_t kAtOnce = 1000;
constexpr Millis kRecordAgain{200};
constexpr Millis kLongestPause{2'000};
constexpr int kLastTries = 5;  // of an effect, where the process ends and the database is away

constexpr std::string_view kUnrecordable = "unrecordable";

// So that it does not run for ever: whatever could not be written is left out.
Outcome unrecordable(const Outcome& outcome) {
  return {.kind = Outcome::Kind::failed,
          .id = outcome.id,
          .fence = outcome.fence,
          .kept = std::chrono::hours(24 * 30),
          .error_code = std::string(kUnrecordable),
          .error_message = "What came of it could not be kept."};
}

}  // namespace

void Worker::State::told_end(const Run& run, Outcome::Kind kind) {
  if (parts.observer != nullptr)
    parts.observer->on_ended(run.definition().name, kind, parts.clock.mono() - run.began_at());
}

// What was not even begun. A name that nobody declared is no label of a metric.
void Worker::State::tell_refused(const std::string& task, Outcome::Kind kind) {
  const auto* definition = parts.registry.find(task);
  if (parts.observer != nullptr)
    parts.observer->on_refused(definition == nullptr ? "unknown" : definition->name, kind);
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
      if (some[0].error_code != kUnrecordable) {
        self->outcomes.front() = unrecordable(some[0]);
        continue;
      }
    } else if (!recorded) {
      // They stay held, and are tried again: recording twice does no harm.
      co_await sleep_for{kRecordAgain};
      continue;
    } else {
      at_once = kAtOnce;
    }
    bool given_back = false;
    for (const auto& outcome : some) {
      if (outcome.kind == Outcome::Kind::retry) self->due_in(outcome.delay + Millis(1));
      given_back = given_back || outcome.kind == Outcome::Kind::given_back;
    }
    if (given_back && self->parts.observer != nullptr) self->parts.observer->on_given_back();
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
  // However long the database is away: the work is done, and trying twice does no harm.
  auto pause = kRecordAgain;
  for (int last_tries = 0; last_tries < kLastTries; last_tries += self->leaving ? 1 : 0) {
    const auto shard = done.shard.value_or(db::Shard(claimed.id.value));
    auto recording = self->ledger.record_effect(outcome, done.effect, shard);
    recorded = co_await recording;
    if (recorded || recorded.error().kind != ErrorKind::unavailable) break;
    co_await sleep_for{self->leaving ? kRecordAgain : pause};
    pause = std::min(pause * 2, kLongestPause);
  }
  self->effects.erase(self->effects.find(claimed.id));
  if (!recorded && recorded.error().kind == ErrorKind::unavailable) {
    self->put({.kind = Outcome::Kind::given_back, .id = claimed.id, .fence = claimed.fence});
  } else if (!recorded) {
    auto failed = self->failure(*run, recorded.error());
    self->told_end(*run, failed.kind);
    self->put(std::move(failed));
  } else if (*recorded) {
    self->told_end(*run, Outcome::Kind::done);
  } else {
    self->parts.log.warn("jobs", "an effect came too late: the work was given to others",
                         {{"task", run->definition().name}, {"job", claimed.id.value}});
  }
  self->poke();
  self->maybe_left();
}

void Worker::State::leave(Millis patience, std::function<void()> then) {
  leaving = true;
  when_left = std::move(then);
  for (auto& lane : lanes)
    for (const auto& claimed : lane.take_back()) give_back(claimed);
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
