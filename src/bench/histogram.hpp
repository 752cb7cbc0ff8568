// Histogram: latencies in log-linear buckets, as HdrHistogram has them: 128 to every power of two,
// so that a percentile is told within 0.8 % from a nanosecond to half an hour.
//
// Lives in memory shared between processes: plain old bytes that start as zero. One process writes,
// any may read or add it up meanwhile; a reader may then see a value a moment late, never torn.
#pragma once

#include "base/loop_counter.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace indaba::bench {

class Histogram {
 public:
  static constexpr unsigned kSubBits = 7;
  static constexpr std::size_t kSub = std::size_t{1} << kSubBits;
  static constexpr unsigned kMostBits = 41;  // 2^41 ns is 36 minutes
  static constexpr std::size_t kBuckets = kSub + (kMostBits - kSubBits) * kSub;

  // Below zero counts as zero, above the range as its end (`max` is exact).
  void add(std::int64_t ns) noexcept;
  void clear() noexcept;
  void merge(const Histogram& other) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  // The value that `share` (0 to 1) of all values do not exceed; 0 where there is none.
  [[nodiscard]] std::int64_t at(double share) const noexcept;
  [[nodiscard]] std::int64_t max() const noexcept {
    return static_cast<std::int64_t>(std::uint64_t{max_});
  }

  [[nodiscard]] static std::size_t bucket_of(std::uint64_t ns) noexcept;
  // The highest value that falls into the bucket.
  [[nodiscard]] static std::uint64_t top_of(std::size_t bucket) noexcept;

 private:
  std::array<LoopCounter, kBuckets> buckets_{};
  LoopCounter count_;
  LoopCounter max_;
};

}  // namespace indaba::bench
