// How a worker runs what it has.
#include "job/worker_state.hpp"

#include "base/json.hpp"

namespace indaba::job {

namespace {

constexpr Millis kWatchEvery{100};
constexpr Millis kKeepFailures = std::chrono::hours(24 * 30);
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
  while (!leaving && !waiting.empty() && static_cast<int>(runs.size()) < options.concurrency &&
         may_run()) {
    auto claimed = std::move(waiting.front());
    waiting.pop_front();
    begin_run(std::move(claimed));
  }
  starting = false;
}

void Worker::State::begin_run(Claimed claimed) {
  const auto refuse = [&](Outcome::Kind kind, std::string_view code, std::string_view message) {
    put({.kind = kind,
         .id = claimed.id,
         .fence = claimed.fence,
         .uuid = claimed.uuid,
         .stream = claimed.stream,
         .kept = kKeepFailures,
         .delay = Millis(10'000),
         .error_code = std::string(code),
         .error_message = std::string(message)});
  };
  if (claimed.expired)
    return refuse(Outcome::Kind::expired, "expired", "It was too late to begin.");
  const auto* definition = parts.registry.find(claimed.task);
  if (definition == nullptr) {
    // A newer program may know it: while one is rolled out, both run.
    const auto kind =
        claimed.failures < Limits{}.retries ? Outcome::Kind::retry : Outcome::Kind::failed;
    return refuse(kind, "unknown_task", "This program knows no such task.");
  }
  auto arguments = json::parse(claimed.arguments);
  if (!arguments || !arguments->is_object())
    return refuse(Outcome::Kind::failed, "malformed", "The arguments are no JSON object.");
  auto run = std::make_shared<Run>(
      std::move(claimed), *definition, std::move(arguments->get_object()), parts.clock.mono(),
      [self = weak_from_this()](Run& one, double fraction, std::string_view note) {
        if (const auto state = self.lock()) state->tell(one, fraction, note);
      });
  runs.emplace(run->claimed().id, run);
  running_now.store(static_cast<int>(runs.size()), std::memory_order_relaxed);
  if (!watching) watch_limits();
  if (std::holds_alternative<Waits>(definition->body))
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
  if (std::exchange(run->over, true)) return;
  runs.erase(run->claimed().id);
  running_now.store(static_cast<int>(runs.size()), std::memory_order_relaxed);
  const auto& claimed = run->claimed();
  if (!result) {
    auto outcome = failure(*run, result.error());
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
                  .error_message = error.detail.empty() ? error.log : error.detail};
  if (run.why() == Run::Why::cancelled) {
    outcome.kind = Kind::cancelled;
    outcome.kept = Millis(3'600'000);
    outcome.error_code = "cancelled";
    outcome.error_message = "It was cancelled.";
    return outcome;
  }
  if (is_stopped(error) && run.why() == Run::Why::leaving) {
    outcome.kind = Kind::given_back;
    return outcome;
  }
  if (is_stopped(error) && run.why() == Run::Why::late) {
    outcome.error_code = "soft_time_limit";
    outcome.error_message = fmt::format("It took longer than {} ms.", limits.soft.count());
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
  if (why != Run::Why::cancelled) return;
  const auto before = std::ranges::find(waiting, id, &Claimed::id);
  if (before == waiting.end()) return;
  put({.kind = Outcome::Kind::cancelled,
       .id = id,
       .fence = before->fence,
       .uuid = before->uuid,
       .stream = before->stream,
       .kept = Millis(3'600'000),
       .error_code = "cancelled",
       .error_message = "It was cancelled."});
  waiting.erase(before);
}

// On any thread.
void Worker::State::tell(Run& run, double fraction, std::string_view note) {
  if (!run.may_tell(parts.clock.mono())) return;
  parts.executor.post([self = shared_from_this(), id = run.claimed().id, fraction,
                       note = std::string(note.substr(0, 500))]() mutable {
    const auto found = self->runs.find(id);
    if (found == self->runs.end()) return;
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
  parts.executor.run_after(kWatchEvery, [self = shared_from_this()] { self->watch_limits(); });
}

void Worker::State::give_up(const std::shared_ptr<Run>& run) {
  if (std::holds_alternative<Blocks>(run->definition().body) && !pool->grow())
    parts.log.error("jobs", "too many runs hang", {{"task", run->definition().name}});
  Error late(ErrorKind::unavailable, "time_limit",
             fmt::format("It was given up after {} ms.", run->definition().limits.hard.count()));
  ended(run, std::move(late));
}

}  // namespace indaba::job
