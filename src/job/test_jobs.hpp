// For tests of the queue: a database, tasks, and workers on executors of their own.
#pragma once

#include "db/blocking.hpp"
#include "db/test_backend.hpp"
#include "db/test_executor.hpp"
#include "job/worker.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <mutex>

namespace indaba::job {

using namespace std::chrono_literals;

// Whether `is` comes to be true in time.
template <class F>
bool soon(F is, Millis within = 10s) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (!is()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

// Numbers events by themselves, and keeps what they said.
class KeepingSequencer final : public db::EventSequencer {
 public:
  Result<void> sequence(db::Session&, std::span<db::StagedEvent> events, std::span<const StreamId>,
                        std::optional<std::size_t>&) override {
    for (auto& event : events)
      event.result = {event.draft->stream, Seq(++next_), WallTime{}, false};
    return {};
  }
  void committed(std::span<const db::StagedEvent> events) override {
    const std::lock_guard lock(mutex_);
    for (const auto& event : events) said_[event.draft->stream].push_back(event.draft->body);
  }
  std::vector<std::string> bodies(StreamId stream) {
    const std::lock_guard lock(mutex_);
    return said_[stream];
  }

 private:
  std::atomic<std::int64_t> next_ = 0;
  std::mutex mutex_;
  std::map<StreamId, std::vector<std::string>> said_;  // under mutex_
};

class JobsFixture : public testing::TestWithParam<db::Backend> {
 protected:
  JobsFixture() : place_(GetParam()) {
    if (place_.there()) database_ = place_.open(sequencer_, clock_);
  }
  ~JobsFixture() override {
    if (database_) database_->stop();
  }
  void SetUp() override {
    if (!database_) GTEST_SKIP() << "PostgreSQL is not installed";
  }

  struct Place {
    Place(JobsFixture& of, WorkerOptions options)
        : worker({*of.database_, of.registry_, of.clock_, of.random_, of.log_, executor},
                 std::move(options)) {}
    ~Place() { worker.stop_blocking(2s); }
    db::TestExecutor executor;
    Worker worker;
  };
  std::unique_ptr<Place> work(WorkerOptions options = {}) {
    auto place = std::make_unique<Place>(*this, std::move(options));
    queue_.when_enqueued([worker = &place->worker](Millis delay) { worker->ring(delay); });
    place->worker.start();
    return place;
  }

  void declare(std::string name, std::variant<Waits, Blocks> body, Limits limits = {}) {
    registry_.add({.name = std::move(name), .body = std::move(body), .limits = limits});
  }
  template <class F>
  auto write(F change) {
    return db::write_blocking(*database_, db::Shard(1), change).value().value;
  }
  template <class F>
  auto read(F query) {
    return db::read_blocking(*database_, query).value();
  }
  Enqueued enqueue(const Wanted& wanted) {
    return write([&](db::WriteTx& tx) { return queue_.enqueue(tx, wanted); });
  }
  std::optional<Job> find(JobId id) {
    return read([id](db::Session& session) { return find_job(session, id); });
  }
  bool becomes(JobId id, State state, Millis within = 10s) {
    return soon([&] { return find(id).value().state == state; }, within);
  }
  std::int64_t count(std::string_view where) {
    return read([&](db::Session& session) {
             return session.first<std::int64_t>(fmt::format("SELECT count(*) FROM {}", where),
                                                [](const db::Row& r) { return r.int64(0); });
           })
        .value();
  }

  SystemClock clock_;
  SystemRandom random_;
  Logger log_ = Logger::null();
  KeepingSequencer sequencer_;
  db::TestBackend place_;
  std::unique_ptr<db::Database> database_;
  Registry registry_;
  Queue queue_{registry_, clock_, random_};
};

}  // namespace indaba::job
