// What the processes have counted so far, added up; and the line that shows it while they run.
#pragma once

#include "bench/plan.hpp"
#include "bench/shared.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace indaba::bench {

struct Totals {
  std::uint64_t ready = 0, failed = 0, lost = 0, readers = 0;
  std::uint64_t sent = 0, answered = 0, outstanding = 0, late = 0, stalls = 0;
  std::uint64_t deliveries = 0, positions = 0, caught_up = 0;
  std::uint64_t missing = 0, doubled = 0, out_of_order = 0;
  std::uint64_t seq_checked = 0, seq_missing = 0, seq_doubled = 0, seq_out_of_order = 0;
  std::int64_t last_ready = 0, last_caught_up = 0;
};

[[nodiscard]] Totals total(SharedRun& shared);
[[nodiscard]] std::map<std::string, std::uint64_t> errors_of(SharedRun& shared);
// "12 × http_401 (…)" with what to do about it, where that is known.
[[nodiscard]] std::string describe_errors(const std::map<std::string, std::uint64_t>& errors);

// One line on standard error that is written over, a few times a second.
class Progress {
 public:
  Progress(const Plan& plan, bool on) : plan_(plan), on_(on) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(SharedRun& shared);
  void clear();

 private:
  const Plan& plan_;
  bool on_;
  bool shown_ = false;
  std::int64_t began_ = 0;
  std::int64_t shown_at_ = 0;
  std::uint64_t counted_ = 0;
};

}  // namespace indaba::bench
