// Celery, as a node has it: a worker for the queues of the settings, and the tasks that Celery's
// callers may name.
//
// Owned by the node.
#pragma once

#include "app/config.hpp"
#include "base/log.hpp"
#include "job/celery_worker.hpp"
#include "ops/health.hpp"
#include "ops/metrics.hpp"

#include <memory>

namespace indaba::app {

// The settings under celery.*, taken apart.
struct CeleryConfig {
  cluster::RedisTarget broker;
  std::optional<cluster::RedisTarget> backend;  // none: results stand beside the queues
  job::celery::WorkerOptions worker;
};
// For a caller of Celery's: the queues may be none. ErrorKind::invalid says which setting is wrong.
[[nodiscard]] Result<CeleryConfig> celery_config(const Config& config);

class CeleryWiring {
 public:
  // nullptr where no queues are set. All parts outlive this.
  [[nodiscard]] static Result<std::unique_ptr<CeleryWiring>> make(const Config& config,
                                                                  job::celery::Worker::Parts parts);

  void start() { worker_.start(); }
  void stop_taking() { worker_.stop_taking(); }
  void stop(Millis within) { worker_.stop(within); }  // before the database stops
  // What it says of itself in /readyz and /metrics.
  void report_to(ops::Health& health, ops::Metrics& metrics);

 private:
  CeleryWiring(CeleryConfig config, job::celery::Worker::Parts parts)
      : worker_(parts, std::move(config.broker), std::move(config.backend),
                std::move(config.worker)) {}

  job::celery::Worker worker_;
};

// communityhub.tasks.fanout_alert
void add_celery_tasks(job::Registry& registry, db::Database& database);
// test.*
void add_test_tasks(job::Registry& registry, db::Database& database, Logger& log);

}  // namespace indaba::app
