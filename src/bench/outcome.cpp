#include "bench/outcome.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace indaba::bench {

namespace {

constexpr double kBusyPercent = 85;
// Of an open loop's sends, over 1 ms late by our own fault.
constexpr double kLatePercent = 5;

double measured_seconds(const Seen& seen) {
  return static_cast<double>(seen.until.at - seen.from.at) / 1e9;
}

ServerFigures server_figures(const Seen& seen) {
  ServerFigures figures;
  figures.used = used_between(seen.from.server, seen.until.server);
  figures.connect_cpu_seconds = seen.connect_cpu_seconds;
  figures.rss_before = seen.server_before.rss_bytes;
  figures.rss_after = seen.until.server.rss_bytes;
  figures.anonymous_before = seen.server_before.anonymous_bytes;
  figures.anonymous_after = seen.until.server.anonymous_bytes;
  const auto& ready = seen.ready.server;
  const bool exact = seen.server_before.anonymous_bytes && ready.anonymous_bytes;
  const auto before = exact ? *seen.server_before.anonymous_bytes : seen.server_before.rss_bytes;
  const auto after = exact ? *ready.anonymous_bytes : ready.rss_bytes;
  if (seen.ready.totals.ready > 0)
    figures.bytes_per_connection = (static_cast<double>(after) - static_cast<double>(before)) /
                                   static_cast<double>(seen.ready.totals.ready);
  return figures;
}

void add_client(Outcome& outcome, const Seen& seen) {
  const auto took = measured_seconds(seen);
  for (std::size_t i = 0; i < seen.until.clients.size() && took > 0; ++i) {
    const auto used = seen.until.clients[i] - seen.from.clients[i];
    outcome.client_cpu_seconds += used;
    outcome.busiest_process_percent = std::max(outcome.busiest_process_percent, used / took * 100);
  }
}

bool is_server_busy(const Outcome& outcome, double took) {
  return outcome.server &&
         std::ranges::any_of(outcome.server->used.threads, [took](const auto& thread) {
           return thread.cpu_seconds / took * 100 > kBusyPercent;
         });
}

// Who held it up, and what a person must know before believing the figures.
void add_verdict(Outcome& outcome, const Totals& totals, double took) {
  const bool client_busy = outcome.busiest_process_percent > kBusyPercent;
  const auto late_percent =
      totals.sent > 0 ? static_cast<double>(totals.late) * 100 / static_cast<double>(totals.sent)
                      : 0;
  if (is_server_busy(outcome, took)) {
    outcome.bottleneck = "server";
  } else if (client_busy || late_percent > kLatePercent) {
    outcome.bottleneck = "client";
  }
  if (late_percent > kLatePercent / 5 && totals.late >= 10)
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
    outcome.warnings.push_back(
        fmt::format("nothing came for 2 s while the window was full: it was given up {} times, "
                    "events were lost",
                    totals.stalls));
}

}  // namespace

bool Outcome::good() const noexcept {
  return events_check.good() && seq_check.good() && errors.empty() && connect.failed == 0 &&
         connect.lost == 0;
}

Outcome judge(const Plan& plan, SharedRun& shared, const Seen& seen) {
  const auto totals = total(shared);
  const auto& from = seen.from.totals;
  const auto& until = seen.until.totals;
  const bool readers_count = plan.is(Mode::fanout) || plan.is(Mode::reconnect);
  Outcome outcome;
  outcome.seconds = plan.is(Mode::storm)       ? seen.connect_seconds
                    : plan.is(Mode::reconnect) ? seen.came_back_seconds
                                               : measured_seconds(seen);
  outcome.events = readers_count ? until.sent - from.sent : until.answered - from.answered;
  outcome.deliveries = readers_count ? until.deliveries - from.deliveries : outcome.events;
  outcome.late_deliveries = seen.late_deliveries;
  outcome.caught_up = totals.caught_up;
  outcome.events_check = {totals.missing, totals.doubled, totals.out_of_order};
  outcome.seq_check = {totals.seq_missing, totals.seq_doubled, totals.seq_out_of_order};
  outcome.seq_checked = totals.seq_checked;
  outcome.errors = errors_of(shared);
  for (std::size_t i = 0; i < shared.size(); ++i) {
    outcome.connect_time->merge(shared.process(i).connect);
    outcome.latency->merge(shared.process(i).latency);
    outcome.answer->merge(shared.process(i).answer);
  }
  outcome.connect = {outcome.connect_time->count(), totals.failed, totals.lost,
                     seen.connect_seconds};
  if (!plan.options.server_pids.empty()) outcome.server = server_figures(seen);
  add_client(outcome, seen);
  add_verdict(outcome, totals, measured_seconds(seen));
  return outcome;
}

}  // namespace indaba::bench
