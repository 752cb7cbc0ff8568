// From a message that may begin to its end.
#include "job/celery_called.hpp"
#include "job/celery_done.hpp"
#include "job/celery_worker.hpp"

#include "base/json_write.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <exception>
#include <fmt/format.h>

namespace indaba::job::celery {

namespace {

constexpr std::size_t kLongestResult = 64 * 1024;
constexpr std::size_t kLongestTask = 200;
constexpr Millis kShortestPostponing{1'000};
constexpr Millis kShortestPause{1'000};
constexpr Millis kLongestPause{10'000};
constexpr std::uint64_t kPostponingSpread = 2'000;
constexpr std::string_view kBillard = "billiard.exceptions";

// The body on a thread of the pool; what awaits it resumes on its own executor.
class Blocking {
 public:
  Blocking(ThreadPool& pool, RunPtr run) : pool_(pool), run_(std::move(run)) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    pool_.post([this, run = run_, executor = Executor::current(), awaiting] {
      const auto& body = std::get<Blocks>(run->definition->body);
      try {
        outcome_.emplace(body(*run));
      } catch (const std::exception& e) {
        outcome_.emplace(Error::internal(e.what()));
      } catch (...) {
        outcome_.emplace(Error::internal("an exception of unknown type"));
      }
      executor->post([awaiting] { awaiting.resume(); });
    });
  }
  [[nodiscard]] Result<Done> await_resume() { return *std::move(outcome_); }

 private:
  ThreadPool& pool_;
  RunPtr run_;
  std::optional<Result<Done>> outcome_;
};

bool waits(const Run& run) {
  return run.definition != nullptr && std::holds_alternative<Waits>(run.definition->body);
}

std::string seconds_text(Millis duration) {
  return fmt::format("{}", static_cast<double>(duration.count()) / 1000.0);
}

std::string uuid_member(const Run& run) {
  std::string members;
  json::append_member(members, "uuid", run.message.id);
  return members;
}

}  // namespace

void Worker::dispatch() {
  while (!stopping_ && !ready_.empty() && !too_many_abandoned() &&
         static_cast<std::size_t>(running_.load()) < options_.concurrency) {
    auto run = std::move(ready_.front());
    ready_.pop_front();
    run->stage = Run::Stage::looking;
    run->holds_slot = true;
    ++running_;
    spawn(execute(std::move(run)));
  }
}

Task<void> Worker::execute(RunPtr run) {
  auto looking = find_done(parts_.database, done_key(*run));
  auto found = co_await looking;
  if (run->stage == Run::Stage::over) {
    leave(run);
    co_return;
  }
  if (found) pause_ = Millis(0);
  if (!found) {
    wait_for_database(run, found.error());
  } else if (*found) {  // it was delivered again
    conclude(run, {State::success, **std::move(found), std::nullopt});
  } else if (run->message.expires && *run->message.expires <= now()) {
    revoke(run, true, false);
  } else {
    run->stage = Run::Stage::running;
    run->began = thread_.loop().now();
    run->began_at = parts_.clock.wall();
    say("task-started", uuid_member(*run));
    arm_limits(run);
    auto running = run_body(run);
    auto done = co_await running;
    if (run->stage == Run::Stage::over) {
      leave(run);
      co_return;
    }
    release_slot(*run);
    if (done) {
      auto recording = record(run, *std::move(done));
      co_await recording;
    } else {
      settle_error(run, done.error());
    }
  }
  leave(run);
}

Task<Result<Done>> Worker::run_body(RunPtr run) {
  run->tell = [this, weak = std::weak_ptr(run)](double fraction, std::string note) {
    thread_.loop().post([this, weak, fraction, note = std::move(note)] {
      const auto still = weak.lock();
      if (!still || still->stage != Run::Stage::running || still->message.ignore_result) return;
      std::string told = "{";
      json::append_member(told, "fraction", fraction);
      json::append_member(told, "note", note);
      told += '}';
      const Outcome outcome{State::progress, std::move(told), std::nullopt};
      broker_.tell(still->taken.tag, result_key(still->message.id),
                   encode(outcome, still->message, parts_.clock.wall()));
    });
  };
  try {
    if (waits(*run)) {
      auto body = std::get<Waits>(run->definition->body)(run);
      co_return co_await body;
    }
    run->on_thread = true;
    Blocking blocking(*pool_, run);
    co_return co_await blocking;
  } catch (const std::exception& e) {
    co_return Error::internal(e.what());
  }
}

void Worker::arm_limits(const RunPtr& run) {
  const auto& limits = run->definition->limits;
  const auto hard = run->message.hard.value_or(limits.hard);
  const auto soft = run->message.soft.value_or(limits.soft);
  const std::weak_ptr weak(run);
  if (hard > Millis(0)) {
    run->on_hard = [this, weak] {
      if (const auto still = weak.lock()) on_hard_limit(still);
    };
    thread_.loop().arm(run->hard, hard);
  }
  if (soft > Millis(0) && (soft < hard || hard <= Millis(0))) {
    run->on_soft = [weak] {
      const auto still = weak.lock();
      if (!still) return;
      still->soft_limit_over = true;
      still->asked_to_stop = true;
    };
    thread_.loop().arm(run->soft, soft);
  }
}

void Worker::on_hard_limit(const RunPtr& run) {
  if (run->stage != Run::Stage::running) return;
  run->asked_to_stop = true;
  const auto hard = run->message.hard.value_or(run->definition->limits.hard);
  fail(run, {"TimeLimitExceeded", seconds_text(hard), std::string(kBillard), {}});
}

Task<void> Worker::record(RunPtr run, Done done) {
  if (done.result.size() > kLongestResult) {
    fail(run, builtin("ValueError", "The result is longer than 64 KiB."));
    co_return;
  }
  run->stage = Run::Stage::recording;
  run->hard.disarm();
  run->soft.disarm();
  settle(*run);
  release_slot(*run);
  dispatch();
  pull();
  // Who stood still for long asks first whether somebody else has it by now.
  if (thread_.loop().now() - renewed_at_ >= options_.broker.visibility / 2) {
    Called<bool> asking(
        [this](const std::function<void(bool)>& told) { renew([told] { told(true); }); });
    [[maybe_unused]] const bool answered = co_await asking;
    if (run->stage == Run::Stage::over) co_return;
  }
  auto recording =
      record_done(parts_.database, done_key(*run), std::move(done), parts_.clock.wall());
  auto recorded = co_await recording;
  if (run->stage == Run::Stage::over) co_return;  // another one has it, and will find this
  if (recorded) {
    conclude(run, {State::success, *std::move(recorded), std::nullopt});
    co_return;
  }
  // A database that is away answers nobody: the message comes again, as often as it takes.
  if (recorded.error().kind == ErrorKind::unavailable)
    postpone(run, recorded.error());
  else
    settle_error(run, recorded.error());
}

void Worker::settle_error(const RunPtr& run, const Error& error) {
  if (run->soft_limit_over)
    return fail(run, {"SoftTimeLimitExceeded", {}, std::string(kBillard), {}});
  if (is_stopped(error) && stopping_) {
    broker_.give_back({run->taken.tag}, [] {});
    return forget(run);
  }
  if (!error.log.empty())
    parts_.log.error("celery", "a task failed",
                     {{"task", run->message.task},
                      {"task_id", run->message.id},
                      {"attempt", run->attempt()},
                      {"reason", error.log}});
  if (worth_another_try(error) && run->message.retries < run->definition->limits.retries)
    return retry(run, error);
  fail(run, exception_of(error));
}

// Full jitter: by chance, up to a time that doubles.
void Worker::retry(const RunPtr& run, const Error& error) {
  const auto& limits = run->definition->limits;
  const auto retries = run->message.retries + 1;
  const Millis doubled = limits.backoff * (std::int64_t{1} << std::min(retries - 1, 20));
  const auto longest = std::max(Millis(1), std::min(limits.longest_backoff, doubled));
  const Millis chance(static_cast<std::int64_t>(
      parts_.random.below(static_cast<std::uint64_t>(longest.count()) + 1)));
  const auto due = now() + std::max(chance, error.retry_after);
  auto raw = for_retry(run->taken.raw, retries, due, parts_.random);
  if (!raw) return fail(run, exception_of(error));
  run->ending.way = Ending::Way::delay;
  run->ending.raw = *std::move(raw);
  run->ending.due = due;
  conclude(run, {State::retry, "null", exception_of(error)});
}

// Whether it was done cannot be looked up. A database that is away is away for all: what is in hand
// goes back to the head of its list, and nothing is taken for a while. Any other error is this
// message's own.
void Worker::wait_for_database(const RunPtr& run, const Error& error) {
  if (error.kind != ErrorKind::unavailable && error.kind != ErrorKind::rate_limited) {
    if (worth_another_try(error) && run->message.retries < run->definition->limits.retries)
      return retry(run, error);
    return put_aside(run, exception_of(error));
  }
  const auto at = thread_.loop().now();
  if (at >= paused_until_) {
    if (pause_ == Millis(0))
      parts_.log.warn("celery", "the database is away: tasks wait in their queues",
                      {{"reason", error.log.empty() ? error.detail : error.log}});
    pause_ = std::clamp(pause_ * 2, kShortestPause, kLongestPause);
    paused_until_ = at + std::max(pause_, std::min(error.retry_after, kLongestPause));
  }
  give_back_unbegun();
}

// Nothing became of it, and that is not its fault: it comes again, and nobody is told.
void Worker::postpone(const RunPtr& run, const Error& error) {
  ++postponed_;
  if (said_postponed_.may(thread_.loop().now()))
    parts_.log.warn("celery", "the database does not take what a task did: it runs again",
                    {{"task", run->message.task},
                     {"task_id", run->message.id},
                     {"reason", error.log.empty() ? error.detail : error.log},
                     {"left_out", said_postponed_.left_out()}});
  const auto delay = std::max(kShortestPostponing, error.retry_after);
  run->ending.way = Ending::Way::delay;
  run->ending.raw = run->taken.raw;
  run->ending.due =
      now() + delay + Millis(static_cast<std::int64_t>(parts_.random.below(kPostponingSpread)));
  let_go(run);
}

// It fails, and its message is kept for who looks after the queue.
void Worker::put_aside(const RunPtr& run, Exception exception) {
  run->ending.way = Ending::Way::dead;
  run->ending.raw = run->taken.raw;
  fail(run, std::move(exception));
}

void Worker::fail(const RunPtr& run, Exception exception) {
  if (said_failed_.may(thread_.loop().now()))
    parts_.log.warn("celery", "a task ended with an error",
                    {{"task", text::first_code_points(run->message.task, kLongestTask)},
                     {"task_id", run->message.id},
                     {"exception", exception.type},
                     {"attempt", run->attempt()},
                     {"left_out", said_failed_.left_out()}});
  conclude(run, {State::failure, "null", std::move(exception)});
}

void Worker::revoke(const RunPtr& run, bool expired, bool terminated) {
  run->members = uuid_member(*run);
  json::append_member(run->members, "terminated", terminated);
  if (terminated)
    json::append_member(run->members, "signum", "SIGTERM");
  else
    json::append_member(run->members, "signum", nullptr);
  json::append_member(run->members, "expired", expired);
  conclude(run, {State::revoked, "null",
                 of_celery("TaskRevokedError", expired      ? "expired"
                                               : terminated ? "terminated"
                                                            : "revoked")});
}

void Worker::conclude(const RunPtr& run, Outcome outcome) {
  run->outcome = std::move(outcome);
  const auto& message = run->message;
  if (!message.ignore_result && !message.id.empty()) {
    run->ending.result_key = result_key(message.id);
    run->ending.result = encode(run->outcome, message, parts_.clock.wall());
    run->ending.success = run->outcome.state == State::success;
  }
  if (run->members.empty()) {
    run->members = uuid_member(*run);
    if (run->outcome.state == State::success) {
      json::append_member(run->members, "result",
                          text::first_code_points(run->outcome.result, 200));
      const auto ran = run->began == MonoTime{} ? Millis(0) : thread_.loop().now() - run->began;
      json::append_member(run->members, "runtime", static_cast<double>(ran.count()) / 1000.0);
    } else if (run->outcome.exception) {
      json::append_member(run->members, "exception", repr_of(*run->outcome.exception));
      json::append_member(run->members, "traceback", "");
    }
  }
  let_go(run);
}

// Tells Redis; again, until there is an answer.
void Worker::let_go(const RunPtr& run) {
  run->stage = Run::Stage::over;
  run->soft.disarm();
  run->hard.disarm();
  abandon(*run);
  std::erase(ready_, run);
  settle(*run);
  run->ending.tag = run->taken.tag;
  run->ending.marker = run->marker;
  run->ending.queue = run->taken.queue;
  run->ending.priority = run->message.priority;
  broker_.end(run->ending, [this, run](Broker::Ended ended) { on_ended(run, ended); });
}

void Worker::on_ended(const RunPtr& run, Broker::Ended ended) {
  if (ended == Broker::Ended::unknown) {
    unsettled_.push_back(run);
    return;
  }
  if (ended == Broker::Ended::done)
    tell_end(*run);
  else
    ++lost_;
  forget(run);
  dispatch();
  pull();
}

void Worker::tell_end(const Run& run) {
  switch (run.outcome.state) {
    case State::success:
      ++succeeded_;
      ++totals_[run.definition->name];
      return say("task-succeeded", run.members);
    case State::failure:
      ++failed_;
      return say("task-failed", run.members);
    case State::retry:
      ++retried_;
      return say("task-retried", run.members);
    case State::revoked:
      ++revoked_count_;
      return say("task-revoked", run.members);
    default:
      return;
  }
}

// The body has returned.
void Worker::leave(const RunPtr& run) {
  release_slot(*run);
  if (std::exchange(run->abandoned, false)) --abandoned_;
  run->tell = nullptr;
  dispatch();
  pull();
}

void Worker::settle(Run& run) {
  if (runs_.contains(run.taken.tag) && !std::exchange(run.settling, true)) ++settling_;
}

void Worker::release_slot(Run& run) {
  if (!std::exchange(run.holds_slot, false)) return;
  --running_;
}

// Its slot is another one's, though its body may go on: so these are counted, until they return,
// and a thread that hangs is replaced. Where there are too many, others get what waits here.
void Worker::abandon(Run& run) {
  if (!run.holds_slot) return;
  release_slot(run);
  run.abandoned = true;
  ++abandoned_;
  if (run.on_thread) pool_->grow();
  if (!too_many_abandoned()) return;
  if (said_abandoned_.may(thread_.loop().now()))
    parts_.log.error("celery", "too many tasks go on beyond their time: nothing new begins",
                     {{"task", run.message.task}, {"count", abandoned_.load()}});
  give_back_ready();
}

void Worker::forget(const RunPtr& run) {
  run->stage = Run::Stage::over;
  run->soft.disarm();
  run->hard.disarm();
  abandon(*run);
  std::erase(ready_, run);
  if (runs_.erase(run->taken.tag) > 0 && std::exchange(run->settling, false)) --settling_;
  in_hand_ = static_cast<std::int64_t>(runs_.size());
}

}  // namespace indaba::job::celery
