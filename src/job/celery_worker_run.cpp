// From a message that may begin to what its body came to.
#include "job/celery_called.hpp"
#include "job/celery_done.hpp"
#include "job/celery_worker.hpp"

#include "base/json_write.hpp"

#include <algorithm>
#include <exception>
#include <fmt/format.h>

namespace indaba::job::celery {

namespace {

constexpr std::size_t kLongestResult = 64 * 1024;

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
    say("task-started", event_members(run->message));
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
  fail(run, {"TimeLimitExceeded", seconds_text(hard), std::string(kBilliard), {}});
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

}  // namespace indaba::job::celery
