// What /proc tells of a process: CPU by threads, and memory.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace indaba::bench {

struct ThreadFigures {
  int pid = 0;
  int tid = 0;
  std::string name;
  double cpu_seconds = 0;
};

// Of one process, or the sum of several.
struct ProcFigures {
  double cpu_seconds = 0;   // to the nanosecond where the kernel keeps schedstat
  double user_seconds = 0;  // the split is sampled at the kernel's tick
  double system_seconds = 0;
  std::vector<ThreadFigures> threads;
  std::uint64_t rss_bytes = 0;
  std::optional<std::uint64_t> anonymous_bytes;  // heap and stacks, without what files back
};

// ErrorKind::not_found where one of them does not live.
[[nodiscard]] Result<ProcFigures> read_processes(const std::vector<int>& pids);

// Without the rest: cheap enough for many times a second. 0 where it does not live.
[[nodiscard]] std::uint64_t resident_bytes(int pid);

// What was used between two looks. Threads that ended meanwhile count in the sums only.
[[nodiscard]] ProcFigures used_between(const ProcFigures& before, const ProcFigures& after);

}  // namespace indaba::bench
