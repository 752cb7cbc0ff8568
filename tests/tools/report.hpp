// What a run counted, as JSON.
#pragma once

#include <boost/json/object.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace indaba::loadtool {

// Latencies in buckets that grow by 4 %: p99 of a hundred million values in 4 KiB.
class Latency {
 public:
  void add(std::chrono::nanoseconds value);
  [[nodiscard]] double milliseconds_at(double share) const;
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  std::array<std::uint64_t, 512> buckets_{};
  std::uint64_t count_ = 0;
};

// Readers of one kind.
struct Group {
  std::string name;
  bool measuring = false;
  std::uint64_t readers = 0;
  std::uint64_t deliveries = 0;
  std::uint64_t missing = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t resets = 0;
  std::uint64_t reconnects = 0;
  std::uint64_t complete = 0;  // readers that have everything at the end
  std::map<int, std::uint64_t> closes;
  std::map<int, std::uint64_t> closes_while_publishing;
  Latency latency;
  Latency this_second;
  std::vector<double> p99_by_second;  // tells a slow start from a slow server
};

boost::json::object describe(const Group& group);

// utime + stime of a process, in seconds.
double cpu_seconds(int pid);
std::uint64_t rss_bytes(int pid);

}  // namespace indaba::loadtool
