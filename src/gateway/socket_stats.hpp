// SocketStats: what sockets count for /metrics. Relaxed atomics, a cache line for each that a loop writes often.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <map>
#include <string>
#include <string_view>

namespace indaba::gateway {

// A small set of counters by label. The labels are the program's own words, never a client's.
class LabelledCounters {
 public:
  void add(std::string_view label, std::uint64_t n = 1) {
    const std::scoped_lock lock(mutex_);
    const auto found = counts_.find(label);
    if (found != counts_.end())
      found->second += n;
    else
      counts_.emplace(label, n);
  }
  [[nodiscard]] std::map<std::string, std::uint64_t, std::less<>> read() const {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

struct SocketStats {
  alignas(64) std::atomic<std::uint64_t> opened{0};
  alignas(64) std::atomic<std::int64_t> active{0};
  LabelledCounters messages_in;   // by type of frame
  LabelledCounters messages_out;  // direct answers by type; events are counted by the hub
  LabelledCounters errors;        // by code
  LabelledCounters rejected;      // handshakes, by reason
};

}  // namespace indaba::gateway
