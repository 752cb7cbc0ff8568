#include "ops/metrics.hpp"

#include <fmt/format.h>
#include <functional>
#include <thread>

namespace indaba::ops {

void Metrics::count_request(std::string_view route, http::Method method, int status,
                            Millis duration) {
  static thread_local const std::size_t mine =
      std::hash<std::thread::id>()(std::this_thread::get_id());
  auto& shard = shards_[mine % shards_.size()];
  const std::tuple<std::string_view, http::Method, int> key(route, method, status);
  {
    const std::lock_guard lock(shard.mutex);
    auto found = shard.requests.find(key);
    if (found == shard.requests.end())
      found = shard.requests.emplace(RequestKey(route, method, status), 0).first;
    ++found->second;
  }
  request_seconds_.observe(static_cast<double>(duration.count()) / 1000.0);
}

std::string Metrics::text() const {
  Scrape scrape;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [key, count] : shard.requests) {
      const auto& [route, method, status] = key;
      scrape.add("indaba_http_requests_total", static_cast<double>(count),
                 {{"route", route.empty() ? "none" : route},
                  {"method", http::to_string(method)},
                  {"status", fmt::to_string(status)}});
    }
  }
  scrape.add_histogram("indaba_http_request_duration_seconds", request_seconds_);
  scrape.add("app_startup_time_seconds", static_cast<double>(startup_ms_.load()) / 1000.0);
  scrape.add("app_shutdown_time_seconds", static_cast<double>(shutdown_ms_.load()) / 1000.0);
  for (const auto& source : sources_) source(scrape);
  return scrape.text();
}

Metrics::Source database_source(const db::WriterStats& stats) {
  return [&stats](Scrape& scrape) {
    scrape.add_histogram("indaba_db_commit_seconds", stats.commit_seconds);
    scrape.add_histogram("indaba_db_group_size", stats.group_size);
    scrape.add("indaba_db_reads_total",
               static_cast<double>(stats.queries.load(std::memory_order_relaxed)));
  };
}

Metrics::Source loops_source(std::vector<const net::Loop*> loops) {
  return [loops = std::move(loops)](Scrape& scrape) {
    for (const auto* loop : loops) {
      scrape.add("indaba_loop_lag_seconds",
                 static_cast<double>(loop->lag_us.load(std::memory_order_relaxed)) / 1e6,
                 {{"loop", fmt::to_string(loop->index())}});
    }
  };
}

}  // namespace indaba::ops
