#include "bench/run.hpp"

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
constexpr double kBusyPercent = 85;
// What is under way and does not move for so long will not come.
constexpr std::int64_t kNothingComes = 2 * kSecond;

double seconds_of(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

// Everything that is compared between two moments.
struct Moment {
  std::int64_t at = 0;
  Totals totals;
  ProcFigures server;
  std::vector<double> clients;  // CPU seconds of each process
};

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
    server_before_ = server;
    INDABA_TRY_VOID(processes_.start(plan_));
    INDABA_TRY_VOID(connect());
    INDABA_TRY_VOID(play_mode());
    enter(Phase::end);
    INDABA_TRY_VOID(processes_.wait(plan_.options.timeout));
    progress_.clear();
    return finish();
  }

 private:
  Result<void> play_mode() {
    switch (plan_.options.mode) {
      case Mode::storm: return {};
      case Mode::idle: return rest();
      case Mode::reconnect: return cut_and_come_back();
      case Mode::fanout:
      case Mode::echo:
      case Mode::publish: break;
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
    INDABA_TRY(from_, look());
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
    INDABA_TRY(until_, look());
    ready_ = until_;
    const auto began = shared_.run().phase_began.load(std::memory_order_relaxed);
    connect_seconds_ = seconds_of(std::max<std::int64_t>(until_.totals.last_ready - began, 0));
    if (until_.totals.ready > 0 || plan_.is(Mode::storm)) return {};
    return Error(ErrorKind::unavailable,
                 fmt::format("none of {} connections to {} could be opened: {}", all,
                             plan_.options.url, describe_errors(errors_of(shared_))));
  }

  Result<void> rest() {
    enter(Phase::ready);
    INDABA_TRY_VOID(sleep(plan_.options.warm_up));
    INDABA_TRY(from_, look());
    INDABA_TRY_VOID(sleep(plan_.options.seconds));
    INDABA_TRY(until_, look());
    ready_ = until_;
    return {};
  }

  Result<void> load() {
    auto& run = shared_.run();
    enter(Phase::load);
    INDABA_TRY_VOID(sleep(plan_.options.warm_up));
    INDABA_TRY(from_, look());
    run.measure_from.store(from_.at, std::memory_order_relaxed);
    INDABA_TRY_VOID(sleep(plan_.options.seconds));
    INDABA_TRY(until_, look());
    run.measure_until.store(until_.at, std::memory_order_relaxed);
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
    late_deliveries_ = total(shared_).deliveries - sent.deliveries;
    return {};
  }

  Result<void> cut_and_come_back() {
    auto& run = shared_.run();
    enter(Phase::ready);
    INDABA_TRY_VOID(sleep(plan_.options.warm_up));
    INDABA_TRY(from_, look());
    run.cut_at.store(now_ns(), std::memory_order_relaxed);
    enter(Phase::cut);
    INDABA_TRY_VOID(everyone_reached(Phase::cut));
    enter(Phase::missed);
    INDABA_TRY(const auto published,
               wait_for([&] { return total(shared_).answered >= plan_.options.missed; },
                        plan_.options.timeout));
    const auto target = shared_.process(0).last_seq.load(std::memory_order_relaxed);
    if (!published || target <= 0)
      return Error(ErrorKind::unavailable,
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
    INDABA_TRY(until_, look());
    connect_seconds_ = seconds_of(std::max<std::int64_t>(until_.totals.last_ready - began, 0));
    came_back_seconds_ = seconds_of(
        until_.totals.last_caught_up - run.cut_at.load(std::memory_order_relaxed));
    return {};
  }

  [[nodiscard]] std::uint64_t published() {
    std::uint64_t sum = 0;
    for (const auto& number : shared_.run().published)
      sum += static_cast<std::uint64_t>(number.load(std::memory_order_relaxed));
    return sum;
  }

  Outcome finish() {
    const auto totals = total(shared_);
    const bool readers_count = plan_.is(Mode::fanout) || plan_.is(Mode::reconnect);
    Outcome outcome;
    outcome.seconds = plan_.is(Mode::storm)       ? connect_seconds_
                      : plan_.is(Mode::reconnect) ? came_back_seconds_
                                                  : seconds_of(until_.at - from_.at);
    outcome.events = readers_count ? until_.totals.sent - from_.totals.sent
                                   : until_.totals.answered - from_.totals.answered;
    outcome.deliveries = readers_count ? until_.totals.deliveries - from_.totals.deliveries
                                       : outcome.events;
    outcome.late_deliveries = late_deliveries_;
    outcome.caught_up = totals.caught_up;
    outcome.events_check = {totals.missing, totals.doubled, totals.out_of_order};
    outcome.seq_check = {totals.seq_missing, totals.seq_doubled, totals.seq_out_of_order};
    outcome.seq_checked = totals.seq_checked;
    outcome.errors = errors_of(shared_);
    for (std::size_t i = 0; i < shared_.size(); ++i) {
      outcome.connect_time->merge(shared_.process(i).connect);
      outcome.latency->merge(shared_.process(i).latency);
    }
    outcome.connect = {outcome.connect_time->count(), totals.failed, totals.lost, connect_seconds_};
    add_server(outcome);
    add_client(outcome, totals);
    return outcome;
  }

  void add_server(Outcome& outcome) {
    if (plan_.options.server_pids.empty()) return;
    ServerFigures figures;
    figures.used = used_between(from_.server, until_.server);
    figures.rss_before = server_before_.rss_bytes;
    figures.rss_after = until_.server.rss_bytes;
    figures.anonymous_before = server_before_.anonymous_bytes;
    figures.anonymous_after = until_.server.anonymous_bytes;
    const bool exact = server_before_.anonymous_bytes && ready_.server.anonymous_bytes;
    const auto before = exact ? *server_before_.anonymous_bytes : server_before_.rss_bytes;
    const auto after = exact ? *ready_.server.anonymous_bytes : ready_.server.rss_bytes;
    if (ready_.totals.ready > 0)
      figures.bytes_per_connection = (static_cast<double>(after) - static_cast<double>(before)) /
                                     static_cast<double>(ready_.totals.ready);
    outcome.server = std::move(figures);
  }

  void add_client(Outcome& outcome, const Totals& totals) {
    const auto took = seconds_of(until_.at - from_.at);
    for (std::size_t i = 0; i < until_.clients.size() && took > 0; ++i) {
      const auto used = until_.clients[i] - from_.clients[i];
      outcome.client_cpu_seconds += used;
      outcome.busiest_process_percent = std::max(outcome.busiest_process_percent, used / took * 100);
    }
    const bool client_busy = outcome.busiest_process_percent > kBusyPercent;
    bool server_busy = false;
    if (outcome.server)
      for (const auto& thread : outcome.server->used.threads)
        server_busy = server_busy || thread.cpu_seconds / took * 100 > kBusyPercent;
    const bool sends_late = totals.late * 100 > totals.sent;
    if (server_busy) {
      outcome.bottleneck = "server";
    } else if (client_busy || sends_late) {
      outcome.bottleneck = "client";
    }
    if (sends_late)
      outcome.warnings.push_back(fmt::format(
          "{} of {} sends were over 1 ms later than intended: the client could not keep the rate "
          "(latencies count from the intended time all the same)",
          totals.late, totals.sent));
    if (client_busy)
      outcome.warnings.push_back(fmt::format(
          "the busiest client process used {:.0f} % of a core: more --processes, or another machine, "
          "would tell whether the server can do more",
          outcome.busiest_process_percent));
    if (totals.stalls > 0)
      outcome.warnings.push_back(fmt::format(
          "the window did not move for a second and was given up {} times: events were lost",
          totals.stalls));
  }

  const Plan& plan_;
  SharedRun shared_;
  Processes processes_;
  Progress progress_;
  ProcFigures server_before_;
  Moment from_;
  Moment until_;
  Moment ready_;
  double connect_seconds_ = 0;
  double came_back_seconds_ = 0;
  std::uint64_t late_deliveries_ = 0;
};

}  // namespace

bool Outcome::good() const noexcept {
  return events_check.good() && seq_check.good() && errors.empty() && connect.failed == 0 &&
         connect.lost == 0;
}

Result<Outcome> run(const Plan& plan, bool progress) {
  return Run(plan, progress).play();
}

}  // namespace indaba::bench
