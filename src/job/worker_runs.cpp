// How a worker runs what it has.
#include "job/worker_state.hpp"

#include "base/json.hpp"
#include "base/text.hpp"

namespace indaba::job {

namespace {

constexpr Millis kWatchEvery{100};
constexpr Millis kRollOut = std::chrono::hours(24);
constexpr Millis kNoThreads{1'000};
constexpr std::size_t kMaxNote = 500;
constexpr std::size_t kMaxResult = std::size_t{64} << 10U;
constexpr Millis kKeepFailures = std::chrono::hours(24 * 30);
constexpr Millis kKeepCancelled = std::chrono::hours(1);
constexpr int kMostLost = 10;  // runs one after the other, that came to no end
constexpr int kMaxDoubling = 20;

Error what_happened(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const std::exception& e) {
    return Error::internal(fmt::format("threw: {}", e.what()));
  } catch (...) {
    return Error::internal("threw something that is no exception");
  }
}

}  // namespace

void Worker::State::start_waiting() {
  if (starting) return;
  starting = true;
  for (auto& lane : lanes) {
    while (!leaving && may_run()) {
      auto claimed = lane.next(parts.clock.mono());
      if (!claimed) break;
      begin_run(lane, *std::move(claimed));
    }
  }
  starting = false;
}

void Worker::State::begin_run(Lane& lane, Claimed claimed) {
  const auto refuse = [&](Outcome::Kind kind, std::string_view code, std::string_view message) {
    lane.ended(parts.clock.mono());
    tell_refused(claimed.task, kind);
    put({.kind = kind,
         .id = claimed.id,
         .fence = claimed.fence,
         .uuid = claimed.uuid,
         .stream = claimed.stream,
         .kept = kind == Outcome::Kind::cancelled ? kKeepCancelled : kKeepFailures,
         .delay = Millis(10'000),
         .error_code = std::string(code),
         .error_message = std::string(message)});
  };
  if (claimed.cancelling) return refuse(Outcome::Kind::cancelled, "cancelled", "It was cancelled.");
  if (claimed.left && parts.clock.mono() >= claimed.late_at)
    return refuse(Outcome::Kind::expired, "expired", "It was too late to begin.");
  const auto* definition = parts.registry.find(claimed.task);
  if (definition == nullptr) {
    // A newer program may know it: while one is rolled out, both run.
    const auto kind = claimed.age < kRollOut ? Outcome::Kind::postponed : Outcome::Kind::failed;
    return refuse(kind, "unknown_task", "This program knows no such task.");
  }
  if (claimed.suspected > kMostLost) {
    parts.log.error("jobs", "a job failed for good: whoever runs it ends in the middle",
                    {{"task", claimed.task}, {"job", claimed.id.value}, {"times", kMostLost}});
    return refuse(Outcome::Kind::failed, "worker_lost",
                  fmt::format("Whoever ran it ended in the middle, {} times.", kMostLost));
  }
  if (std::holds_alternative<Blocks>(definition->body) && pool->exhausted()) {
    next_claim = parts.clock.mono() + kNoThreads;
    return refuse(Outcome::Kind::given_back, {}, {});
  }
  auto arguments = json::parse(claimed.arguments);
  if (!arguments || !arguments->is_object())
    return refuse(Outcome::Kind::failed, "malformed", "The arguments are no JSON object.");
  auto run = std::make_shared<Run>(
      std::move(claimed), *definition, std::move(arguments->get_object()), parts.clock.mono(),
      [self = weak_from_this()](Run& one, double fraction, std::string_view note) {
        if (const auto state = self.lock()) state->tell(one, fraction, note);
      });
  run->lane = &lane;
  // One of before, that this worker has lost without having heard of it, goes on for nothing.
  if (const auto before = runs.find(run->claimed().id); before != runs.end()) lose(before->second);
  runs.emplace(run->claimed().id, run);
  running_now.store(static_cast<int>(runs.size()), std::memory_order_relaxed);
  if (!watching) watch_limits();
  if (run->claimed().suspected > 0)
    spawn(run_suspect(shared_from_this(), run));
  else
    run_body_of(run);
}

// What it does to this process is known by the next one.
Task<void> Worker::State::run_suspect(std::shared_ptr<State> self, std::shared_ptr<Run> run) {
  const auto& claimed = run->claimed();
  auto noting = self->ledger.note_begun(claimed.id, claimed.fence);
  const auto noted = co_await noting;
  if (run->over) co_return;
  if (noted && *noted) {
    self->run_body_of(run);
  } else if (noted) {
    self->lose(run);
  } else if (self->let_go(run)) {
    self->give_back(claimed);
  }
  self->poke();
}

void Worker::State::run_body_of(const std::shared_ptr<Run>& run) {
  if (std::holds_alternative<Waits>(run->definition().body))
    spawn(run_body(shared_from_this(), run));
  else
    run_on_thread(run);
}

Task<void> Worker::State::run_body(std::shared_ptr<State> self, std::shared_ptr<Run> run) {
  Result<Done> result = Error::internal("it did not end");
  try {
    auto body = std::get<Waits>(run->definition().body)(run);
    result = co_await body;
  } catch (...) {
    result = what_happened(std::current_exception());
  }
  self->ended(run, std::move(result));
}

void Worker::State::run_on_thread(const std::shared_ptr<Run>& run) {
  pool->post([self = shared_from_this(), run] {
    Result<Done> result = Error::internal("it did not end");
    try {
      result = std::get<Blocks>(run->definition().body)(*run);
    } catch (...) {
      result = what_happened(std::current_exception());
    }
    auto& executor = self->parts.executor;
    executor.post(
        [self, run, result = std::move(result)]() mutable { self->ended(run, std::move(result)); });
  });
}

void Worker::State::ended(const std::shared_ptr<Run>& run, Result<Done> result) {
  if (!let_go(run)) return;
  const auto& claimed = run->claimed();
  if (result && result->result.size() > kMaxResult)
    result = Error(ErrorKind::invalid, "result_too_large", "What came of it is too large to keep.");
  if (!result) {
    auto outcome = failure(*run, result.error());
    if (outcome.kind == Outcome::Kind::failed)
      parts.log.warn("jobs", "a job failed for good",
                     {{"task", claimed.task},
                      {"job", claimed.id.value},
                      {"code", outcome.error_code},
                      {"reason", outcome.error_log}});
    told_end(*run, outcome.kind);
    put(std::move(outcome));
  } else if (result->effect) {
    spawn(record_effect(shared_from_this(), run, *std::move(result)));
  } else {
    told_end(*run, Outcome::Kind::done);
    put({.kind = Outcome::Kind::done,
         .id = claimed.id,
         .fence = claimed.fence,
         .uuid = claimed.uuid,
         .stream = claimed.stream,
         .result = std::move(result->result),
         .kept = run->definition().kept});
  }
  poke();
}

// false: it had been let go of before.
bool Worker::State::let_go(const std::shared_ptr<Run>& run) {
  if (std::exchange(run->over, true)) return false;
  runs.erase(run->claimed().id);
  run->lane->ended(parts.clock.mono());
  running_now.store(static_cast<int>(runs.size()), std::memory_order_relaxed);
  return true;
}

// Others have it now: whatever it still does is not recorded, and it has no slot any more.
void Worker::State::lose(std::shared_ptr<Run> run) {
  run->stop(Run::Why::lost);
  if (!let_go(run)) return;
  if (std::holds_alternative<Blocks>(run->definition().body)) pool->grow();
  parts.log.warn("jobs", "a run was lost: the work was given to others",
                 {{"task", run->definition().name}, {"job", run->claimed().id.value}});
}

Outcome Worker::State::failure(const Run& run, const Error& error) {
  using Kind = Outcome::Kind;
  const auto& claimed = run.claimed();
  const auto& limits = run.definition().limits;
  Outcome outcome{.kind = Kind::failed,
                  .id = claimed.id,
                  .fence = claimed.fence,
                  .uuid = claimed.uuid,
                  .stream = claimed.stream,
                  .kept = kKeepFailures,
                  .error_code = std::string(error.code_or_slug()),
                  .error_message = error.detail.empty() ? "Something went wrong." : error.detail,
                  .error_log = error.log};
  if (run.why() == Run::Why::cancelled) {
    outcome.kind = Kind::cancelled;
    outcome.kept = kKeepCancelled;
    outcome.error_code = "cancelled";
    outcome.error_message = "It was cancelled.";
    return outcome;
  }
  if (is_stopped(error) && run.why() == Run::Why::leaving) {
    outcome.kind = Kind::given_back;
    outcome.stopped_well = true;
    return outcome;
  }
  if (is_stopped(error) && run.why() == Run::Why::late) {
    outcome.error_code = "soft_time_limit";
    outcome.error_message = fmt::format("It took longer than {} ms.", limits.soft.count());
    return outcome;  // it would take as long again
  }
  if (!worth_another_try(error) || claimed.failures >= limits.retries) return outcome;
  outcome.kind = Kind::retry;
  // Exponential back-off with full jitter (Brooker, "Exponential Backoff And Jitter", 2015).
  const auto doubled = limits.backoff.count() << std::min(claimed.failures, kMaxDoubling);
  const auto most = std::min<std::int64_t>(doubled, limits.longest_backoff.count());
  const auto chance =
      parts.random.below(static_cast<std::uint64_t>(std::max<std::int64_t>(most, 1)));
  outcome.delay = std::max(Millis(static_cast<std::int64_t>(chance)), error.retry_after);
  return outcome;
}

void Worker::State::stop_run(JobId id, Run::Why why) {
  const auto found = runs.find(id);
  if (found != runs.end()) return found->second->stop(why);
  for (auto& lane : lanes) {
    const auto before = lane.take_back(id);
    if (!before) continue;
    put({.kind = Outcome::Kind::cancelled,
         .id = id,
         .fence = before->fence,
         .uuid = before->uuid,
         .stream = before->stream,
         .kept = kKeepCancelled,
         .error_code = "cancelled",
         .error_message = "It was cancelled."});
  }
}

void Worker::State::give_back(const Claimed& claimed) {
  put({.kind = Outcome::Kind::given_back, .id = claimed.id, .fence = claimed.fence});
}

// On any thread.
void Worker::State::tell(Run& run, double fraction, std::string_view note) {
  if (!run.may_tell(parts.clock.mono())) return;
  parts.executor.post([self = shared_from_this(), id = run.claimed().id,
                       fence = run.claimed().fence, fraction,
                       note = std::string(text::first_code_points(note, kMaxNote))]() mutable {
    const auto found = self->runs.find(id);
    if (found == self->runs.end() || found->second->claimed().fence != fence) return;
    const auto one = found->second;
    if (self->parts.observer != nullptr) self->parts.observer->on_progress(*one, fraction, note);
    struct Note {
      static Task<void> keep(std::shared_ptr<State> state, std::shared_ptr<Run> of, double share,
                             std::string text) {
        const auto& claimed = of->claimed();
        auto noting =
            state->ledger.note_progress(claimed.id, claimed.fence, share, std::move(text));
        co_await noting;  // what is lost is told again
      }
    };
    spawn(Note::keep(self, one, fraction, std::move(note)));
  });
}

void Worker::State::watch_limits() {
  watching = !runs.empty();
  if (!watching) return;
  const auto now = parts.clock.mono();
  std::vector<std::shared_ptr<Run>> given_up;
  for (const auto& [id, run] : runs) {
    const auto took = now - run->began_at();
    if (took > run->definition().limits.soft) run->stop(Run::Why::late);
    if (took > run->definition().limits.hard) given_up.push_back(run);
  }
  for (const auto& run : given_up) give_up(run);
  for (auto& lane : lanes)
    for (const auto& claimed : lane.take_surplus(now)) give_back(claimed);
  parts.executor.run_after(kWatchEvery, [self = shared_from_this()] { self->watch_limits(); });
}

// What it still does is not recorded; a thread that hangs in it is replaced.
void Worker::State::give_up(const std::shared_ptr<Run>& run) {
  if (std::holds_alternative<Blocks>(run->definition().body) && !pool->grow())
    parts.log.error("jobs", "too many runs hang: no other that blocks is begun",
                    {{"task", run->definition().name}});
  ended(run,
        Error(ErrorKind::conflict, "time_limit",
              fmt::format("It was given up after {} ms.", run->definition().limits.hard.count())));
}

}  // namespace indaba::job
