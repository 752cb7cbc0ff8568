// One run: forks the client processes, leads them through the phases of the mode, and gathers what
// they and the kernel counted.
#pragma once

#include "base/result.hpp"
#include "bench/histogram.hpp"
#include "bench/plan.hpp"
#include "bench/proc_figures.hpp"

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
  std::optional<ServerFigures> server;
  double client_cpu_seconds = 0;
  double busiest_process_percent = 0;
  std::string bottleneck = "none";
  std::vector<std::string> warnings;

  // Nothing failed, nothing was lost.
  [[nodiscard]] bool good() const noexcept;
};

// `progress`: one line on standard error while it runs. An error where there is nothing to report:
// descriptors, a process that does not live, nobody could connect.
[[nodiscard]] Result<Outcome> run(const Plan& plan, bool progress);

}  // namespace indaba::bench
