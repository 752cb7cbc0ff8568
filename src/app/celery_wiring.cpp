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
  const auto kept = config.duration("celery.result_expires");
  broker.result_expires = std::chrono::ceil<std::chrono::seconds>(std::max(Millis(0), kept));
  celery.worker.concurrency = at_least_one(config.integer("jobs.concurrency"));
  celery.worker.prefetch = at_least_one(config.integer("jobs.prefetch"));
  return celery;
}

Error no_celery() {
  return {ErrorKind::conflict, "no_celery", "celery.broker_url is not set where this runs."};
}

// Of settings that are a Django site's as well: whoever runs no queue need not care what they say.
Result<std::unique_ptr<CeleryWiring>> CeleryWiring::make(const Config& config,
                                                         job::celery::Worker::Parts parts) {
  const bool runs = !config.list("celery.queues").empty();
  if (!runs && !config.is_set("celery.broker_url")) return nullptr;
  auto celery = celery_config(config);
  if (celery) return std::unique_ptr<CeleryWiring>(new CeleryWiring(*std::move(celery), parts));
  if (runs) return std::move(celery).error();
  auto broker = target_of(config, "celery.broker_url");
  if (broker) {  // results are where Indaba cannot read them; it can send all the same
    CeleryConfig sends;
    sends.broker = *std::move(broker);
    return std::unique_ptr<CeleryWiring>(new CeleryWiring(std::move(sends), parts));
  }
  parts.log.warn("celery", "nothing can be sent to this Celery",
                 {{"reason", broker.error().detail}});
  return std::unique_ptr<CeleryWiring>(
      new CeleryWiring(Error(ErrorKind::conflict, "no_celery", broker.error().detail)));
}

CeleryWiring::CeleryWiring(CeleryConfig config, job::celery::Worker::Parts parts) {
  client_ = std::make_unique<job::celery::Client>(
      config.broker, config.backend,
      job::celery::Client::Options{.visibility = config.worker.broker.visibility}, parts.clock,
      parts.random, parts.log);
  if (config.worker.broker.queues.empty()) return;
  worker_ = std::make_unique<job::celery::Worker>(
      parts, std::move(config.broker), std::move(config.backend), std::move(config.worker));
}

void CeleryWiring::start() {
  if (client_) client_->start();
  if (worker_) worker_->start();
}

void CeleryWiring::stop_taking() {
  if (worker_) worker_->stop_taking();
}

void CeleryWiring::stop(Millis within) {
  if (worker_) worker_->stop(within);
  if (client_) client_->stop();
}

Result<job::celery::Client*> CeleryWiring::client() {
  if (!client_) return unusable_;
  return client_.get();
}

void CeleryWiring::report_to(ops::Health& health, ops::Metrics& metrics) {
  if (!worker_) return;
  health.add_check("celery", [this]() -> ops::HealthReport {
    const auto stats = worker_->stats();
    if (stats.up) return {};
    return {ops::HealthState::degraded, stats.refused ? "Celery's broker refuses what it is asked"
                                                      : "Celery's broker cannot be reached"};
  });
  metrics.add_source([this](ops::Scrape& scrape) {
    const auto stats = worker_->stats();
    scrape.add("indaba_celery_up", stats.up ? 1 : 0);
    scrape.add("indaba_celery_tasks_running", static_cast<double>(stats.running));
    scrape.add("indaba_celery_tasks_abandoned", static_cast<double>(stats.abandoned));
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
