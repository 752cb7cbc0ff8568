// SocketStats: what sockets count for /metrics; frames by type are in FrameCounts. Relaxed atomics,
// a cache line for each that a loop writes often.
#pragma once

#include "db/writer_stats.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

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

// What was refused, by the frame's type and the error's code: the program's own words too.
class FrameErrors {
 public:
  void add(std::string_view type, std::string_view code) {
    const std::scoped_lock lock(mutex_);
    ++counts_[{std::string(type), std::string(code)}];
  }
  [[nodiscard]] std::map<std::pair<std::string, std::string>, std::uint64_t> read() const {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> counts_;
};

inline constexpr std::array kFrameSeconds{0.00001, 0.0001, 0.0005, 0.001, 0.0025,
                                          0.005,   0.01,   0.05,   0.25,  1.0};

struct SocketStats {
  alignas(64) std::atomic<std::uint64_t> opened{0};
  alignas(64) std::atomic<std::int64_t> active{0};
  FrameErrors errors;
  LabelledCounters rejected;  // handshakes, by reason
  db::AtomicHistogram<kFrameSeconds.size()> frame_seconds{
      kFrameSeconds};  // from a frame to the end of serving it
};

}  // namespace indaba::gateway
