#include "bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace indaba::bench {

std::size_t Histogram::bucket_of(std::uint64_t ns) noexcept {
  if (ns < kSub) return static_cast<std::size_t>(ns);
  const auto bits = static_cast<unsigned>(std::bit_width(ns));  // > kSubBits
  const auto shift = bits - kSubBits - 1;
  const auto bucket =
      (std::size_t{shift} + 1) * kSub + static_cast<std::size_t>((ns >> shift) - kSub);
  return std::min(bucket, kBuckets - 1);
}

std::uint64_t Histogram::top_of(std::size_t bucket) noexcept {
  if (bucket < kSub) return bucket;
  const auto shift = bucket / kSub - 1;
  return ((std::uint64_t{kSub} + bucket % kSub + 1) << shift) - 1;
}

void Histogram::add(std::int64_t ns) noexcept {
  const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
  buckets_[bucket_of(value)].add(1);
  count_.add(1);
  if (value > max_) max_.set(value);
}

void Histogram::clear() noexcept {
  for (auto& bucket : buckets_) bucket.set(0);
  count_.set(0);
  max_.set(0);
}

void Histogram::merge(const Histogram& other) noexcept {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i].add(other.buckets_[i]);
  count_.add(other.count_);
  max_.set(std::max<std::uint64_t>(max_, other.max_));
}

std::int64_t Histogram::at(double share) const noexcept {
  const auto total = count();
  if (total == 0) return 0;
  const auto wanted = std::clamp<std::uint64_t>(
      static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total))), 1, total);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return static_cast<std::int64_t>(std::min<std::uint64_t>(top_of(i), max_));
  }
  return max();
}

}  // namespace indaba::bench
