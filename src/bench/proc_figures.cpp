#include "bench/proc_figures.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <unistd.h>

namespace indaba::bench {

namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Stat {
  std::string name;
  double user = 0;
  double system = 0;
};

// proc(5): the name stands in parentheses and may hold anything; utime and stime are fields 14, 15.
std::optional<Stat> read_stat(const std::string& folder) {
  const auto text = read_text(folder + "/stat");
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(close + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  Stat stat;
  stat.name = text.substr(open + 1, close - open - 1);
  rest >> stat.user >> stat.system;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  stat.user /= ticks;
  stat.system /= ticks;
  return stat;
}

std::optional<double> read_schedstat(const std::string& folder) {
  std::ifstream file(folder + "/schedstat");
  double ns = 0;
  if (!(file >> ns)) return std::nullopt;
  return ns / 1e9;
}

void add_threads(int pid, ProcFigures& figures) {
  std::error_code ended;
  for (const auto& entry :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), ended)) {
    const auto folder = entry.path().string();
    const auto stat = read_stat(folder);
    if (!stat) continue;
    const auto exact = read_schedstat(folder);
    figures.threads.push_back({pid, std::atoi(entry.path().filename().c_str()), stat->name,
                               exact.value_or(stat->user + stat->system)});
  }
}

std::optional<std::uint64_t> read_anonymous(int pid) {
  std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
  for (std::string word; file >> word;) {
    std::uint64_t kilobytes = 0;
    if (word == "Anonymous:" && file >> kilobytes) return kilobytes * 1024;
  }
  return std::nullopt;
}

double sum_of(const std::vector<ThreadFigures>& threads) {
  double sum = 0;
  for (const auto& thread : threads) sum += thread.cpu_seconds;
  return sum;
}

}  // namespace

std::uint64_t resident_bytes(int pid) {
  std::ifstream file(fmt::format("/proc/{}/statm", pid));
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Result<ProcFigures> read_processes(const std::vector<int>& pids) {
  ProcFigures figures;
  figures.anonymous_bytes = 0;
  for (const int pid : pids) {
    const auto stat = read_stat(fmt::format("/proc/{}", pid));
    if (!stat) return Error(ErrorKind::not_found, fmt::format("there is no process {}", pid));
    figures.user_seconds += stat->user;
    figures.system_seconds += stat->system;
    add_threads(pid, figures);
    figures.rss_bytes += resident_bytes(pid);
    const auto anonymous = read_anonymous(pid);
    if (anonymous && figures.anonymous_bytes) {
      *figures.anonymous_bytes += *anonymous;
    } else {
      figures.anonymous_bytes.reset();
    }
  }
  figures.cpu_seconds = sum_of(figures.threads);
  return figures;
}

ProcFigures used_between(const ProcFigures& before, const ProcFigures& after) {
  // Ticks are coarse; above this, threads that ended must have used what is missing.
  constexpr double kTicks = 0.05;
  ProcFigures used = after;
  used.user_seconds -= before.user_seconds;
  used.system_seconds -= before.system_seconds;
  for (auto& thread : used.threads) {
    const auto same = std::ranges::find_if(before.threads, [&](const auto& earlier) {
      return earlier.pid == thread.pid && earlier.tid == thread.tid;
    });
    if (same != before.threads.end()) thread.cpu_seconds -= same->cpu_seconds;
  }
  used.cpu_seconds = sum_of(used.threads);
  const auto by_ticks = used.user_seconds + used.system_seconds;
  if (by_ticks > used.cpu_seconds + kTicks) used.cpu_seconds = by_ticks;
  std::ranges::sort(used.threads, std::greater{}, &ThreadFigures::cpu_seconds);
  return used;
}

}  // namespace indaba::bench
