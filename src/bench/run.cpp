#include "bench/run.hpp"

#include "bench/outcome.hpp"
#include "bench/poller.hpp"
#include "bench/processes.hpp"
#include "bench/progress.hpp"
#include "bench/shared.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <unistd.h>

namespace indaba::bench {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
// What is under way and does not move for so long will not come.
constexpr std::int64_t kNothingComes = 2 * kSecond;

double seconds_of(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

class Run {
 public:
  Run(const Plan& plan, bool progress)
      : plan_(plan),
        shared_(plan.options.processes),
        processes_(shared_),
        progress_(plan, progress) {}

  Result<Outcome> play() {
    INDABA_TRY_VOID(make_room_for_descriptors(plan_));
    INDABA_TRY(const auto server, read_processes(plan_.options.server_pids));
    seen_.server_before = server;
    INDABA_TRY_VOID(processes_.start(plan_));
    INDABA_TRY_VOID(connect());
    INDABA_TRY_VOID(play_mode());
    enter(Phase::end);
    INDABA_TRY_VOID(processes_.wait(plan_.options.timeout));
    progress_.clear();
    return judge(plan_, shared_, seen_);
  }

 private:
  Result<void> play_mode() {
    switch (plan_.options.mode) {
      case Mode::storm:
        return {};
      case Mode::idle:
        return rest();
      case Mode::reconnect:
        return cut_and_come_back();
      case Mode::fanout:
      case Mode::echo:
      case Mode::publish:
        break;
    }
    return load();
  }

  Result<Moment> look() {
    Moment moment;
    INDABA_TRY(moment.server, read_processes(plan_.options.server_pids));
    for (const auto pid : processes_.pids()) {
      const auto client = read_processes({pid});
      moment.clients.push_back(client ? client->cpu_seconds : 0);
    }
    moment.at = now_ns();
    moment.totals = total(shared_);
    return moment;
  }

  void enter(Phase phase) { shared_.enter(phase, now_ns()); }

  // Looks every `every` milliseconds. False where the time was over first.
  Result<bool> wait_for(const std::function<bool()>& done, double seconds, int every = 2) {
    const auto until = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
    while (!done()) {
      if (now_ns() >= until) return false;
      INDABA_TRY_VOID(processes_.check());
      progress_.show(shared_);
      ::usleep(static_cast<useconds_t>(every) * 1000);
    }
    return true;
  }

  Result<void> sleep(double seconds) {
    const auto until = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
    INDABA_TRY([[maybe_unused]] const auto over,
               wait_for([until] { return now_ns() >= until; }, seconds + 1, seconds < 1 ? 2 : 20));
    return {};
  }

  Result<void> everyone_reached(Phase phase) {
    INDABA_TRY(const auto reached,
               wait_for(
                   [&] {
                     for (std::size_t i = 0; i < shared_.size(); ++i)
                       if (shared_.process(i).reached.load(std::memory_order_acquire) != phase)
                         return false;
                     return true;
                   },
                   plan_.options.timeout));
    if (!reached) return Error::internal("a client process does not answer");
    return {};
  }

  Result<void> connect() {
    INDABA_TRY(seen_.from, look());
    enter(Phase::connect);
    const auto all = plan_.connections();
    // Every single opening has its time-out; this one is for a rate that was asked for.
    const auto at_rate = plan_.options.rate > 0 ? static_cast<double>(all) / plan_.options.rate : 0;
    std::uint64_t settled = 0;
    auto moved_at = now_ns();
    const auto is_stuck = [&, patience = plan_.options.timeout + 5 + at_rate] {
      const auto totals = total(shared_);
      if (totals.ready + totals.failed != std::exchange(settled, totals.ready + totals.failed))
        moved_at = now_ns();
      return settled >= all || seconds_of(now_ns() - moved_at) > patience;
    };
    INDABA_TRY([[maybe_unused]] const auto done, wait_for(is_stuck, 1e9));
    INDABA_TRY(seen_.until, look());
    seen_.ready = seen_.until;
    seen_.connect_cpu_seconds = used_between(seen_.from.server, seen_.until.server).cpu_seconds;
    const auto began = shared_.run().phase_began.load(std::memory_order_relaxed);
    seen_.connect_seconds =
        seconds_of(std::max<std::int64_t>(seen_.until.totals.last_ready - began, 0));
    if ((plan_.readers ? seen_.until.totals.readers : seen_.until.totals.ready) > 0) return {};
    return Error(ErrorKind::unavailable,
                 fmt::format("none of {} connections to {} could be opened: {}", all,
                             plan_.options.url, describe_errors(errors_of(shared_))));
  }

  Result<void> rest() {
    enter(Phase::ready);
    INDABA_TRY_VOID(sleep(plan_.options.warm_up));
    INDABA_TRY(seen_.from, look());
    INDABA_TRY_VOID(sleep(plan_.options.seconds));
    INDABA_TRY(seen_.until, look());
    seen_.ready = seen_.until;
    return {};
  }

  Result<void> load() {
    auto& run = shared_.run();
    enter(Phase::load);
    INDABA_TRY_VOID(sleep(plan_.options.warm_up));
    INDABA_TRY(seen_.from, look());
    run.measure_from.store(seen_.from.at, std::memory_order_relaxed);
    INDABA_TRY_VOID(sleep(plan_.options.seconds));
    INDABA_TRY(seen_.until, look());
    run.measure_until.store(seen_.until.at, std::memory_order_relaxed);
    enter(Phase::drain);
    INDABA_TRY_VOID(everyone_reached(Phase::drain));
    const auto sent = total(shared_);
    std::uint64_t arrived = 0;
    auto moved_at = now_ns();
    const auto is_drained = [&] {
      const auto totals = total(shared_);
      const auto now_arrived = totals.deliveries + totals.answered;
      if (now_arrived != std::exchange(arrived, now_arrived)) moved_at = now_ns();
      if (now_ns() - moved_at > kNothingComes) return true;
      return totals.outstanding == 0 &&
             (!plan_.readers || totals.positions >= totals.readers * published());
    };
    INDABA_TRY([[maybe_unused]] const auto done, wait_for(is_drained, plan_.options.timeout));
    seen_.late_deliveries = total(shared_).deliveries - sent.deliveries;
    return {};
  }

  Result<void> cut_and_come_back() {
    auto& run = shared_.run();
    enter(Phase::ready);
    INDABA_TRY_VOID(sleep(plan_.options.warm_up));
    INDABA_TRY(seen_.from, look());
    run.cut_at.store(now_ns(), std::memory_order_relaxed);
    enter(Phase::cut);
    INDABA_TRY_VOID(everyone_reached(Phase::cut));
    enter(Phase::missed);
    INDABA_TRY(const auto published,
               wait_for([&] { return total(shared_).answered >= plan_.options.missed; },
                        plan_.options.timeout));
    const auto target = shared_.process(0).last_seq.load(std::memory_order_relaxed);
    if (!published || target <= 0)
      return Error(
          ErrorKind::unavailable,
          fmt::format("what everyone is to miss could not be published: {}",
                      target <= 0 && published
                          ? std::string("the answers hold no \"seq\" (is the topic durable?)")
                          : describe_errors(errors_of(shared_))));
    run.target_seq.store(target, std::memory_order_relaxed);
    const auto began = now_ns();
    enter(Phase::comeback);
    INDABA_TRY([[maybe_unused]] const auto back,
               wait_for(
                   [&] {
                     const auto totals = total(shared_);
                     return totals.caught_up + totals.failed + totals.lost >= plan_.readers->count;
                   },
                   plan_.options.timeout));
    INDABA_TRY(seen_.until, look());
    seen_.connect_seconds =
        seconds_of(std::max<std::int64_t>(seen_.until.totals.last_ready - began, 0));
    seen_.connect_cpu_seconds = used_between(seen_.from.server, seen_.until.server).cpu_seconds;
    seen_.came_back_seconds =
        seconds_of(seen_.until.totals.last_caught_up - run.cut_at.load(std::memory_order_relaxed));
    return {};
  }

  [[nodiscard]] std::uint64_t published() {
    std::uint64_t sum = 0;
    for (const auto& number : shared_.run().published)
      sum += static_cast<std::uint64_t>(number.load(std::memory_order_relaxed));
    return sum;
  }

  const Plan& plan_;
  SharedRun shared_;
  Processes processes_;
  Progress progress_;
  Seen seen_;
};

}  // namespace

Result<Outcome> run(const Plan& plan, bool progress) {
  return Run(plan, progress).play();
}

}  // namespace indaba::bench
