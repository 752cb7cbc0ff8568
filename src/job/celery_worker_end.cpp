// From what a body came to, to the word that Redis has it.
#include "job/celery_worker.hpp"

#include "base/json_write.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace indaba::job::celery {

namespace {

constexpr std::size_t kLongestTask = 200;
constexpr Millis kShortestPostponing{1'000};
constexpr Millis kShortestPause{1'000};
constexpr Millis kLongestPause{10'000};
constexpr std::uint64_t kPostponingSpread = 2'000;

}  // namespace

void Worker::settle_error(const RunPtr& run, const Error& error) {
  if (run->soft_limit_over)
    return fail(run, {"SoftTimeLimitExceeded", {}, std::string(kBilliard), {}});
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
  run->members = event_members(run->message);
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
    run->members = event_members(run->message);
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

// It does not begin any more, or is not waited for any more.
void Worker::put_down(const RunPtr& run) {
  run->stage = Run::Stage::over;
  run->soft.disarm();
  run->hard.disarm();
  abandon(*run);
  std::erase(ready_, run);
}

// Tells Redis; again, until there is an answer.
void Worker::let_go(const RunPtr& run) {
  put_down(run);
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
  put_down(run);
  if (runs_.erase(run->taken.tag) > 0 && std::exchange(run->settling, false)) --settling_;
  in_hand_ = static_cast<std::int64_t>(runs_.size());
}

}  // namespace indaba::job::celery
