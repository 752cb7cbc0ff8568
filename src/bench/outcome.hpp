// Outcome: what a run found, worked out of what its processes counted and what the kernel booked.
#pragma once

#include "bench/histogram.hpp"
#include "bench/plan.hpp"
#include "bench/proc_figures.hpp"
#include "bench/progress.hpp"
#include "bench/shared.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace indaba::bench {

struct ServerFigures {
  ProcFigures used;  // in the measured time
  std::uint64_t rss_before = 0;
  std::uint64_t rss_after = 0;
  std::optional<std::uint64_t> anonymous_before;
  std::optional<std::uint64_t> anonymous_after;
  double bytes_per_connection = 0;
  double connect_cpu_seconds = 0;  // while connections were opened
};

struct ConnectFigures {
  std::uint64_t count = 0;
  std::uint64_t failed = 0;
  std::uint64_t lost = 0;
  double seconds = 0;
};

struct CheckFigures {
  std::uint64_t missing = 0;
  std::uint64_t doubled = 0;
  std::uint64_t out_of_order = 0;
  [[nodiscard]] bool good() const noexcept { return missing + doubled + out_of_order == 0; }
};

struct Outcome {
  double seconds = 0;  // measured
  std::uint64_t events = 0;
  std::uint64_t deliveries = 0;
  std::uint64_t late_deliveries = 0;  // came only after publishing had stopped
  std::uint64_t caught_up = 0;
  CheckFigures events_check;
  CheckFigures seq_check;
  std::uint64_t seq_checked = 0;
  std::map<std::string, std::uint64_t> errors;
  ConnectFigures connect;
  std::unique_ptr<Histogram> connect_time = std::make_unique<Histogram>();
  std::unique_ptr<Histogram> latency = std::make_unique<Histogram>();
  std::unique_ptr<Histogram> answer = std::make_unique<Histogram>();
  std::optional<ServerFigures> server;
  double client_cpu_seconds = 0;
  double busiest_process_percent = 0;
  std::string bottleneck = "none";
  std::vector<std::string> warnings;

  // Nothing failed, nothing was lost.
  [[nodiscard]] bool good() const noexcept;
};

// Everything that is compared between two moments.
struct Moment {
  std::int64_t at = 0;
  Totals totals;
  ProcFigures server;
  std::vector<double> clients;  // CPU seconds of each process
};

// What the parent wrote down while it led the run.
struct Seen {
  ProcFigures server_before;  // before the first connection
  Moment ready;               // all connections open
  Moment from, until;         // what is measured lies between
  double connect_seconds = 0;
  double connect_cpu_seconds = 0;  // of the server
  double came_back_seconds = 0;    // reconnect: from the cut
  std::uint64_t late_deliveries = 0;
};

[[nodiscard]] Outcome judge(const Plan& plan, SharedRun& shared, const Seen& seen);

}  // namespace indaba::bench
