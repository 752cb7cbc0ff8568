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
    gate_.inner = database_.get();
  }
  ~CeleryWorld() {
    for (auto& worker : workers_) worker->stop(Millis(0));
    database_->stop();
  }
  CeleryWorld(const CeleryWorld&) = delete;
  CeleryWorld& operator=(const CeleryWorld&) = delete;

  // `clock`: another one than that of the world, and of Redis.
  Worker& worker(WorkerOptions options = {}, const Clock* clock = nullptr,
                 std::optional<cluster::RedisTarget> backend = std::nullopt) {
    if (options.broker.queues.empty()) options.broker.queues = {"q"};
    workers_.push_back(std::make_unique<Worker>(
        Worker::Parts{registry, gate_, clock == nullptr ? clock_ : *clock, random_, log_}, target(),
        std::move(backend), std::move(options)));
    workers_.back()->start();
    return *workers_.back();
  }
  [[nodiscard]] cluster::RedisTarget target() const {
    return cluster::RedisTarget::parse(redis.url()).value();
  }
  void declare(Definition definition) {
    definition.celery = true;
    registry.add(std::move(definition));
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
  db::Database& database() { return gate_; }
  // As one that is away, or answers so, for reading.
  void close_database(bool closed, ErrorKind kind = ErrorKind::unavailable) {
    gate_.kind = kind;
    gate_.closed = closed;
  }
  [[nodiscard]] int refused_reads() const { return gate_.refused; }
  Random& random() { return random_; }
  const Clock& clock() { return clock_; }
  Logger& log() { return log_; }

  cluster::TestRedis redis;
  Registry registry;

 private:
  struct Gate final : db::Database {
    void submit(db::Shard shard, std::unique_ptr<db::Change> change) override {
      inner->submit(shard, std::move(change));
    }
    void submit(std::unique_ptr<db::Query> query) override {
      if (!closed) return inner->submit(std::move(query));
      ++refused;
      query->refuse(Error(kind.load(), "The database does not answer."));
    }
    void stop() override { inner->stop(); }
    [[nodiscard]] db::Dialect dialect() const noexcept override { return inner->dialect(); }
    [[nodiscard]] const db::WriterStats& stats() const noexcept override { return inner->stats(); }
    [[nodiscard]] int migrated() const noexcept override { return inner->migrated(); }

    db::Database* inner = nullptr;
    std::atomic<bool> closed = false;
    std::atomic<ErrorKind> kind = ErrorKind::unavailable;
    std::atomic<int> refused = 0;
  };

  SystemClock clock_;
  SystemRandom random_;
  Gate gate_;
  Logger log_ = Logger::null();
  db::CountingSequencer sequencer_;
  db::TestBackend backend_;
  std::unique_ptr<db::Database> database_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace indaba::job::celery
