// What the operations layer reads about the database while it runs: plain atomics, written by the
// database threads, read at scrape.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace indaba::db {

// A histogram with fixed upper bounds; the last bucket is "more". Safe on any thread.
template <std::size_t N>
struct AtomicHistogram {
  explicit constexpr AtomicHistogram(const std::array<double, N>& upper_bounds)
      : bounds(upper_bounds) {}

  void observe(double value) noexcept {
    std::size_t bucket = 0;
    while (bucket < N && value > bounds[bucket]) ++bucket;
    counts[bucket].fetch_add(1, std::memory_order_relaxed);
    sum.fetch_add(value, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t total() const noexcept {
    std::uint64_t all = 0;
    for (const auto& count : counts) all += count.load(std::memory_order_relaxed);
    return all;
  }

  std::array<double, N> bounds;
  std::array<std::atomic<std::uint64_t>, N + 1> counts{};  // each bucket's own, not cumulative
  std::atomic<double> sum{0};
};

struct WriterStats {
  AtomicHistogram<10> commit_seconds{
      std::array{0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0}};
  AtomicHistogram<10> group_size{
      std::array{1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0}};
  std::atomic<std::uint64_t> changes_committed{0};
  std::atomic<std::uint64_t> changes_refused{0};
  std::atomic<std::uint64_t> groups_run_again{0};
  std::atomic<std::uint64_t> storage_failures{0};
  std::atomic<std::uint64_t> queries{0};         // begun by a reader
  std::atomic<std::uint64_t> queued_changes{0};  // now
  std::atomic<std::uint64_t> queued_queries{0};  // now
  std::atomic<std::uint64_t> wal_pages{0};       // after the last commit
};

}  // namespace indaba::db
