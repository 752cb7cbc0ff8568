// Celery, as a node has it: a worker for the queues of the settings, a client that sends to the
// team's own workers, and the tasks that Celery's callers may name.
//
// Owned by the node.
#pragma once

#include "app/config.hpp"
#include "base/log.hpp"
#include "job/celery_client.hpp"
#include "job/celery_worker.hpp"
#include "ops/health.hpp"
#include "ops/metrics.hpp"

#include <functional>
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

// Why nothing can be sent where celery.broker_url is not set.
[[nodiscard]] Error no_celery();

class CeleryWiring {
 public:
  // nullptr where there is no Celery. Where no queues are set there is no worker, and a Celery that
  // cannot be spoken with (another broker, say) is told to the log alone. All parts outlive this.
  [[nodiscard]] static Result<std::unique_ptr<CeleryWiring>> make(const Config& config,
                                                                  job::celery::Worker::Parts parts);

  void start();
  void stop_taking();
  void stop(Millis within);  // before the database stops
  // After stop(): bodies that block and have not come back.
  [[nodiscard]] int hanging() const { return worker_ ? worker_->hanging() : 0; }
  // What it says of itself in /readyz and /metrics.
  void report_to(ops::Health& health, ops::Metrics& metrics);
  // Sends to the team's own workers. The error says what is wrong with the settings.
  [[nodiscard]] Result<job::celery::Client*> client();

 private:
  explicit CeleryWiring(Error unusable) : unusable_(std::move(unusable)) {}
  CeleryWiring(CeleryConfig config, job::celery::Worker::Parts parts);

  std::unique_ptr<job::celery::Worker> worker_;
  std::unique_ptr<job::celery::Client> client_;
  Error unusable_;  // where there is no client
};

// celery.send: puts a task on a queue of Celery's, once, whoever enqueues it in a change of their
// own. `client` is asked when it runs.
void add_celery_send(job::Registry& registry, const Clock& clock,
                     std::function<Result<job::celery::Client*>()> client);
// communityhub.tasks.fanout_alert
void add_celery_tasks(job::Registry& registry, db::Database& database);
// test.*
void add_test_tasks(job::Registry& registry, db::Database& database, Logger& log);

}  // namespace indaba::app
