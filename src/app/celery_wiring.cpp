#include "app/celery_wiring.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

namespace indaba::app {

namespace {

constexpr std::size_t kLongestQueue = 100;

// kombu writes a Unix socket its own way.
std::string as_ours(std::string url) {
  constexpr std::string_view kSocket = "redis+socket://";
  constexpr std::string_view kDb = "?virtual_host=";
  if (!url.starts_with(kSocket)) return url;
  url.replace(0, kSocket.size(), "unix://");
  if (const auto at = url.find(kDb); at != std::string::npos) url.replace(at, kDb.size(), "?db=");
  return url;
}

Result<cluster::RedisTarget> target_of(const Config& config, std::string_view key) {
  auto target = cluster::RedisTarget::parse(as_ours(config.text(key)));
  if (!target)
    return Error::invalid_field(std::string(key),
                                fmt::format("{}: {}", key, target.error().detail));
  return target;
}

bool is_queue(std::string_view name) {
  return !name.empty() && name.size() <= kLongestQueue && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.' ||
           c == ':';
  });
}

std::size_t at_least_one(std::int64_t n) {
  return static_cast<std::size_t>(std::clamp<std::int64_t>(n, 1, 1024));
}

}  // namespace

Result<CeleryConfig> celery_config(const Config& config) {
  CeleryConfig celery;
  if (!config.is_set("celery.broker_url"))
    return Error::invalid_field("celery.broker_url",
                                "celery.broker_url must name the Redis of Celery.");
  INDABA_TRY(celery.broker, target_of(config, "celery.broker_url"));
  if (config.is_set("celery.result_backend") &&
      config.text("celery.result_backend") != config.text("celery.broker_url")) {
    INDABA_TRY(celery.backend, target_of(config, "celery.result_backend"));
  }
  auto& broker = celery.worker.broker;
  broker.queues = config.list("celery.queues");
  for (const auto& queue : broker.queues)
    if (!is_queue(queue))
      return Error::invalid_field("celery.queues",
                                  fmt::format("celery.queues: \"{}\" is no name of a queue: 1 to "
                                              "100 letters, digits and _ - . :",
                                              queue));
  broker.visibility = std::max(Millis(1000), config.duration("celery.visibility_timeout"));
  broker.result_expires = std::max(
      std::chrono::seconds(1),
      std::chrono::duration_cast<std::chrono::seconds>(config.duration("celery.result_expires")));
  celery.worker.concurrency = at_least_one(config.integer("jobs.concurrency"));
  celery.worker.prefetch = at_least_one(config.integer("jobs.prefetch"));
  return celery;
}

Result<std::unique_ptr<CeleryWiring>> CeleryWiring::make(const Config& config,
                                                         job::celery::Worker::Parts parts) {
  if (config.list("celery.queues").empty()) return nullptr;
  INDABA_TRY(auto celery, celery_config(config));
  return std::unique_ptr<CeleryWiring>(new CeleryWiring(std::move(celery), parts));
}

void CeleryWiring::report_to(ops::Health& health, ops::Metrics& metrics) {
  health.add_check("celery", [this]() -> ops::HealthReport {
    if (worker_.stats().up) return {};
    return {ops::HealthState::degraded, "Celery's broker cannot be reached"};
  });
  metrics.add_source([this](ops::Scrape& scrape) {
    const auto stats = worker_.stats();
    scrape.add("indaba_celery_up", stats.up ? 1 : 0);
    scrape.add("indaba_celery_tasks_running", static_cast<double>(stats.running));
    const auto tell = [&](std::string_view outcome, std::uint64_t n) {
      scrape.add("indaba_celery_tasks_total", static_cast<double>(n), {{"outcome", outcome}});
    };
    tell("succeeded", stats.succeeded);
    tell("failed", stats.failed);
    tell("retried", stats.retried);
    tell("revoked", stats.revoked);
    tell("postponed", stats.postponed);
    tell("unreadable", stats.unreadable);
    tell("lost", stats.lost);
    tell("restored", stats.restored);
  });
}

}  // namespace indaba::app
