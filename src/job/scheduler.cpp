#include "job/scheduler.hpp"

#include "base/uuid.hpp"

#include <future>

namespace indaba::job {

namespace {

constexpr Millis kAskAgainAfter{500};
constexpr Millis kToResign{5'000};

}  // namespace

struct Scheduler::State : std::enable_shared_from_this<Scheduler::State> {
  State(Parts p, std::vector<Entry> entries)
      : parts(p),
        schedule(std::move(entries), parts.queue, new_uuid(parts.clock.wall(), parts.random)) {}

  const Parts parts;
  const Schedule schedule;
  std::atomic<bool> leads{false};
  std::atomic<std::uint64_t> fired{0};

  // The executor's own:
  bool looking = false;
  bool again = false;  // rung while it looked
  bool well = true;
  bool stopped = false;
  std::uint64_t turn = 0;  // the one timer that counts
  std::function<void()> when_stopped;

  void wake_in(Millis delay) {
    parts.executor.run_after(delay, [self = shared_from_this(), mine = ++turn] {
      if (mine == self->turn) self->poke();
    });
  }

  void poke() {
    again = looking;
    if (looking || stopped) return;
    looking = true;
    spawn(run(shared_from_this()));
  }

  void stop(std::function<void()> then) {
    stopped = true;
    when_stopped = std::move(then);
    if (!looking) spawn(leave(shared_from_this()));
  }

  static Task<void> run(std::shared_ptr<State> self) {
    Millis wait{0};
    do {
      self->again = false;
      auto looks = look(self);
      wait = co_await looks;
    } while (self->again && !self->stopped);
    self->looking = false;
    if (self->stopped) {
      auto leaving = leave(self);
      co_await leaving;
    } else {
      self->wake_in(wait);
    }
  }

  // How long to wait for the next look. Who does not lead writes nothing.
  static Task<Millis> look(std::shared_ptr<State> self) {
    if (!self->leads) {
      auto query = [self](db::Session& session) { return self->schedule.peek(session); };
      auto reading = self->parts.database.read(query);
      const auto held = co_await reading;
      if (!held) co_return self->failed(held.error());
      if (*held > Millis(0)) co_return self->follow(*held);
    }
    auto change = [self](db::WriteTx& tx) { return self->schedule.look(tx); };
    auto writing = self->parts.database.write(Schedule::shard(), change);
    const auto written = co_await writing;
    if (!written) co_return self->failed(written.error());
    if (!written->value.leads) co_return self->follow(written->value.wait);
    co_return self->lead(written->value);
  }

  Millis failed(const Error& error) {
    if (error.code == "not_leader") return follow(kAskAgainAfter);
    if (well)
      parts.log.error("schedule", "the schedule cannot be looked at",
                      {{"reason", error.log.empty() ? error.detail : error.log}});
    well = false;
    return kAskAgainAfter;
  }

  Millis follow(Millis held) {
    recovered();
    if (leads.exchange(false)) parts.log.warn("schedule", "another process has the schedule");
    return std::clamp(held + Millis(1), Millis(1), Schedule::kLongest + Schedule::kLease);
  }

  Millis lead(const Schedule::Look& seen) {
    recovered();
    if (!leads.exchange(true))
      parts.log.info("schedule", "this process has the schedule",
                     {{"entries", schedule.entries().size()}});
    fired += seen.fired.size();
    for (const auto& one : seen.fired)
      parts.log.debug("schedule", "fired",
                      {{"entry", one.entry}, {"slot", to_rfc3339(one.slot)}, {"job", one.job}});
    return seen.wait + Millis(1);
  }

  void recovered() {
    if (!well) parts.log.info("schedule", "the schedule can be looked at again");
    well = true;
  }

  static Task<void> leave(std::shared_ptr<State> self) {
    if (self->leads.exchange(false)) {
      auto change = [self](db::WriteTx& tx) { return self->schedule.resign(tx); };
      auto writing = self->parts.database.write(Schedule::shard(), change);
      const auto ended = co_await writing;
      static_cast<void>(ended);  // where it failed, the lease runs out
    }
    self->when_stopped();
  }
};

Scheduler::Scheduler(Parts parts, std::vector<Entry> entries)
    : state_(std::make_shared<State>(parts, std::move(entries))) {}

Scheduler::~Scheduler() = default;

void Scheduler::start() {
  ring();
}

void Scheduler::stop_blocking() {
  const auto done = std::make_shared<std::promise<void>>();
  auto future = done->get_future();
  state_->parts.executor.post(
      [state = state_, done] { state->stop([done] { done->set_value(); }); });
  future.wait_for(kToResign);
}

void Scheduler::ring() {
  state_->parts.executor.post([state = state_] { state->poke(); });
}

bool Scheduler::leading() const noexcept {
  return state_->leads;
}

std::uint64_t Scheduler::fired() const noexcept {
  return state_->fired;
}

}  // namespace indaba::job
