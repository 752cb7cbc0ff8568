#include "report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>

namespace indaba::loadtool {

namespace {

constexpr double kSmallest = 1e3;  // ns
constexpr double kGrowth = 1.04;

boost::json::object counts(const std::map<int, std::uint64_t>& by_code) {
  boost::json::object out;
  for (const auto& [code, count] : by_code) out[std::to_string(code)] = count;
  return out;
}

}  // namespace

void Latency::add(std::chrono::nanoseconds value) {
  const auto ns = std::max(kSmallest, static_cast<double>(value.count()));
  const auto bucket = static_cast<std::size_t>(std::log(ns / kSmallest) / std::log(kGrowth));
  ++buckets_[std::min(bucket, buckets_.size() - 1)];
  ++count_;
}

double Latency::milliseconds_at(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_ - 1)) + 1;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return kSmallest * std::pow(kGrowth, static_cast<double>(i) + 1) / 1e6;
  }
  return 0;
}

boost::json::object describe(const Group& group) {
  return {{"readers", group.readers},
          {"complete", group.complete},
          {"deliveries", group.deliveries},
          {"missing", group.missing},
          {"duplicates", group.duplicates},
          {"out_of_order", group.out_of_order},
          {"resets", group.resets},
          {"reconnects", group.reconnects},
          {"closes", counts(group.closes)},
          {"closes_while_publishing", counts(group.closes_while_publishing)},
          {"p50_ms", group.latency.milliseconds_at(0.50)},
          {"p99_ms", group.latency.milliseconds_at(0.99)},
          {"max_ms", group.latency.milliseconds_at(1)},
          {"p99_ms_by_second",
           boost::json::array(group.p99_by_second.begin(), group.p99_by_second.end())}};
}

double cpu_seconds(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto close = text.rfind(')');
  if (close == std::string::npos) return 0;
  std::istringstream rest(text.substr(close + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  double user = 0;
  double system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::uint64_t rss_bytes(int pid) {
  std::ifstream file(fmt::format("/proc/{}/statm", pid));
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace indaba::loadtool
