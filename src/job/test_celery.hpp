// For tests: a Redis, a database and workers of Celery's queue "q" on both.
#pragma once

#include "base/json_write.hpp"
#include "cluster/test_redis.hpp"
#include "db/test_backend.hpp"
#include "db/test_executor.hpp"
#include "job/celery_worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::job::celery {

class CeleryWorld {
 public:
  explicit CeleryWorld(db::Backend backend = db::Backend::sqlite) : backend_(backend) {
    database_ = backend_.open(sequencer_, clock_);
  }
  ~CeleryWorld() {
    for (auto& worker : workers_) worker->stop(Millis(0));
    database_->stop();
  }
  CeleryWorld(const CeleryWorld&) = delete;
  CeleryWorld& operator=(const CeleryWorld&) = delete;

  Worker& worker(WorkerOptions options = {}) {
    if (options.broker.queues.empty()) options.broker.queues = {"q"};
    workers_.push_back(
        std::make_unique<Worker>(Worker::Parts{registry, *database_, clock_, random_, log_},
                                 target(), std::nullopt, std::move(options)));
    workers_.back()->start();
    return *workers_.back();
  }
  [[nodiscard]] cluster::RedisTarget target() const {
    return cluster::RedisTarget::parse(redis.url()).value();
  }
  Message message(std::string task, boost::json::object kwargs = {}) {
    Message m;
    m.id = new_uuid(random_);
    m.task = std::move(task);
    m.kwargs = std::move(kwargs);
    m.queue = "q";
    return m;
  }
  std::string send(const Message& m) {
    redis.ask({"LPUSH", key_of(m.queue, m.priority), encode(m, random_)});
    return m.id;
  }
  std::optional<Outcome> outcome(const std::string& id) const {
    const auto text = redis.ask({"GET", result_key(id)});
    if (text.empty()) return std::nullopt;
    return decode_result(text).value();
  }
  // Its end.
  Outcome end(const std::string& id) {
    std::optional<Outcome> found;
    wait([&] { return (found = outcome(id)) && found->ended(); });
    return found.value_or(Outcome{});
  }
  static void wait(const std::function<bool()>& question) {
    for (int i = 0; i < 4000 && !question(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_TRUE(question()) << "in time";
  }
  db::Database& database() { return *database_; }
  Random& random() { return random_; }
  const Clock& clock() { return clock_; }
  Logger& log() { return log_; }

  cluster::TestRedis redis;
  Registry registry;

 private:
  SystemClock clock_;
  SystemRandom random_;
  Logger log_ = Logger::null();
  db::CountingSequencer sequencer_;
  db::TestBackend backend_;
  std::unique_ptr<db::Database> database_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace indaba::job::celery
