// Metrics: what /metrics answers.
//
// Nothing is counted here but HTTP requests: every part of the program counts for itself, in plain
// integers a loop or relaxed atomics, and a source reads them when somebody scrapes. Sources are
// added at start-up; a source runs on the scraping thread, so that it may read only what is atomic
// or handed over. Everything else is safe on any thread.
#pragma once

#include "base/clock.hpp"
#include "db/writer_stats.hpp"
#include "http/message.hpp"
#include "net/loop.hpp"
#include "ops/scrape.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace indaba::ops {

// For things that take from a hundred microseconds to seconds.
inline constexpr std::array kDurationBounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                            0.025,  0.05,    0.1,    0.25,  1.0,    5.0};
using DurationHistogram = db::AtomicHistogram<kDurationBounds.size()>;

class Metrics {
 public:
  using Source = std::function<void(Scrape&)>;

  Metrics() = default;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void add_source(Source source) { sources_.push_back(std::move(source)); }

  // `route` is the route's pattern, "" where none matched.
  void count_request(std::string_view route, http::Method method, int status, Millis duration);
  void set_startup_time(Millis taken) noexcept { startup_ms_ = taken.count(); }
  void set_shutdown_time(Millis taken) noexcept { shutdown_ms_ = taken.count(); }

  [[nodiscard]] std::string text() const;

 private:
  using RequestKey = std::tuple<std::string, http::Method, int>;
  struct KeyLess {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return std::tuple<std::string_view, http::Method, int>(a) <
             std::tuple<std::string_view, http::Method, int>(b);
    }
  };
  // A shard a thread, nearly: a lock that nobody else wants costs a few nanoseconds.
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::map<RequestKey, std::uint64_t, KeyLess> requests;  // guarded by mutex
  };

  std::vector<Source> sources_;
  std::array<Shard, 8> shards_;
  DurationHistogram request_seconds_{kDurationBounds};
  std::atomic<std::int64_t> startup_ms_{0};
  std::atomic<std::int64_t> shutdown_ms_{0};
};

// Ready-made sources. What they point at outlives the metrics.
[[nodiscard]] Metrics::Source process_source();
[[nodiscard]] Metrics::Source database_source(const db::WriterStats& stats);
[[nodiscard]] Metrics::Source loops_source(std::vector<const net::Loop*> loops);

}  // namespace indaba::ops
