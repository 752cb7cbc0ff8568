#include "job/celery_done.hpp"
#include "job/test_celery.hpp"

#include <latch>

namespace indaba::job::celery {
namespace {

constexpr std::string_view kRow =
    "INSERT INTO celery_done (id, at, result) VALUES ($1, $2, 'effect')";

// Its effect is a row; a second one would break the transaction.
Definition counted(std::string name, std::atomic<int>& ran) {
  Definition definition;
  definition.name = std::move(name);
  definition.body = Blocks([&ran](Running& run) -> Result<Done> {
    ++ran;
    Done done;
    done.result = "\"counted\"";
    done.effect = [id = "effect of " + run.uuid()](db::WriteTx& tx) {
      return tx.sql().execute(kRow, id, std::int64_t{9'999'999'999'999});
    };
    return done;
  });
  return definition;
}

class CeleryWorker : public testing::TestWithParam<db::Backend> {
 protected:
  void SetUp() override {
    if (!cluster::TestRedis::installed()) GTEST_SKIP() << "no redis-server";
    world_.emplace(GetParam());
  }
  CeleryWorld& world() { return *world_; }
  std::int64_t effects() {
    auto query = [](db::Session& session) {
      return session.first<std::int64_t>("SELECT count(*) FROM celery_done WHERE result = 'effect'",
                                         [](const db::Row& row) { return row.int64(0); });
    };
    return db::read_blocking(world().database(), query).value().value_or(-1);
  }

 private:
  std::optional<CeleryWorld> world_;
};
INSTANTIATE_TEST_SUITE_P(
    , CeleryWorker, testing::ValuesIn(db::present({db::Backend::sqlite, db::Backend::postgres})),
    db::backend_name);

TEST_P(CeleryWorker, what_was_delivered_again_is_answered_and_not_run_again) {
  std::atomic<int> ran = 0;
  world().declare(counted("count", ran));
  world().worker();
  const auto message = world().message("count");
  for (int i = 0; i < 5; ++i) {
    world().redis.ask({"DEL", result_key(message.id)});
    world().send(message);
    EXPECT_EQ(world().end(message.id).result, "\"counted\"");
  }
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(effects(), 1);
}

TEST_P(CeleryWorker, two_workers_that_run_the_same_at_once_have_one_effect) {
  std::atomic<int> ran = 0;
  std::latch both(2);
  auto definition = counted("count", ran);
  definition.body = Blocks([body = std::get<Blocks>(definition.body), &both](Running& run) {
    both.arrive_and_wait();
    return body(run);
  });
  world().declare(std::move(definition));
  world().worker();
  world().worker();
  const auto message = world().message("count");
  world().send(message);
  world().send(message);  // with another delivery tag
  EXPECT_EQ(world().end(message.id).result, "\"counted\"");
  world().wait([&] { return world().redis.ask({"HLEN", "unacked"}) == "0"; });
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(effects(), 1);
}

TEST_P(CeleryWorker, a_task_whose_message_went_to_another_one_is_told_to_stop_and_tells_nothing) {
  std::atomic<bool> stopped = false;
  std::atomic<bool> began = false;
  world().declare({.name = "long", .body = Blocks([&](Running& run) -> Result<Done> {
                                     began = true;
                                     while (!run.stopping()) std::this_thread::sleep_for(Millis(1));
                                     stopped = true;
                                     return Done{};
                                   })});
  WorkerOptions options;
  options.broker.visibility = Millis(1000);
  auto& worker = world().worker(options);
  const auto id = world().send(world().message("long"));
  world().wait([&] { return began.load(); });
  world().redis.ask({"DEL", "unacked", "unacked_index"});  // as another one does it
  world().wait([&] { return stopped.load() && worker.stats().in_hand == 0; });
  EXPECT_EQ(worker.stats().lost, 1);
  EXPECT_FALSE(world().outcome(id));
}

TEST_P(CeleryWorker, bodies_that_wait_and_bodies_that_block_run_beside_each_other) {
  world().declare(
      {.name = "wait", .body = Waits([](std::shared_ptr<Running>) -> Task<Result<Done>> {
                         co_await sleep_for{Millis(20)};
                         co_return Done{.result = "1"};
                       })});
  world().declare(
      {.name = "throw",
       .body = Blocks([](Running&) -> Result<Done> { throw std::runtime_error("a secret"); }),
       .limits = {.retries = 0}});
  world().declare({.name = "wait and throw",
                   .body = Waits([](std::shared_ptr<Running>) -> Task<Result<Done>> {
                     co_await sleep_for{Millis(1)};
                     throw std::runtime_error("a secret");
                   }),
                   .limits = {.retries = 0}});
  world().worker();
  std::vector<std::string> good;
  std::vector<std::string> bad;
  for (int i = 0; i < 20; ++i) {
    good.push_back(world().send(world().message("wait")));
    bad.push_back(world().send(world().message(i % 2 == 0 ? "throw" : "wait and throw")));
  }
  for (const auto& id : good) EXPECT_EQ(world().end(id).result, "1");
  for (const auto& id : bad)
    EXPECT_EQ(repr_of(*world().end(id).exception), "Internal('The task failed.')");
}

TEST_P(CeleryWorker, a_result_that_is_too_large_is_a_failure) {
  world().declare({.name = "large", .body = Blocks([](Running&) -> Result<Done> {
                                      return Done{.result = '"' + std::string(70'000, 'x') + '"'};
                                    })});
  world().worker();
  EXPECT_EQ(world().end(world().send(world().message("large"))).exception->type, "ValueError");
}

TEST_P(CeleryWorker, an_effect_that_the_database_cannot_take_now_comes_again_and_does_not_fail) {
  std::atomic<int> tried = 0;
  world().declare({.name = "later", .body = Blocks([&](Running& run) -> Result<Done> {
                                      EXPECT_EQ(run.attempt(), 1);
                                      Done done;
                                      done.effect = [&](db::WriteTx&) -> Result<void> {
                                        if (++tried == 1)
                                          return Error(ErrorKind::unavailable, "Not now.");
                                        return {};
                                      };
                                      return done;
                                    })});
  auto& worker = world().worker();
  EXPECT_EQ(world().end(world().send(world().message("later"))).state, State::success);
  EXPECT_EQ(worker.stats().postponed, 1);
}

TEST_P(CeleryWorker, what_a_stopped_worker_had_stands_at_the_head_of_its_queue_in_order) {
  std::atomic<int> running = 0;
  world().declare({.name = "long", .body = Blocks([&](Running& run) -> Result<Done> {
                                     ++running;
                                     while (!run.stopping()) std::this_thread::sleep_for(Millis(1));
                                     return stopped();
                                   })});
  WorkerOptions options;
  options.concurrency = 1;
  options.prefetch = 4;
  auto& worker = world().worker(options);
  std::vector<std::string> sent{world().send(world().message("long"))};
  world().wait([&] { return running == 1; });
  for (int i = 0; i < 5; ++i) sent.push_back(world().send(world().message("long")));
  world().wait([&] { return worker.stats().in_hand == 4; });
  worker.stop(Millis(50));
  EXPECT_EQ(world().redis.ask({"HLEN", "unacked"}), "0");
  EXPECT_EQ(world().redis.ask({"ZCARD", "unacked_index"}), "0");
  EXPECT_EQ(world().redis.ask({"LLEN", "q"}), "6");
  std::vector<std::string> left;
  for (int i = 0; i < 6; ++i)
    left.push_back(std::get<Message>(decode(world().redis.ask({"RPOP", "q"}))).id);
  EXPECT_THAT(left, testing::UnorderedElementsAreArray(sent));
  // Those that had not begun keep their order; what ran goes back last, and so comes first.
  EXPECT_EQ(left.front(), sent.front());
  EXPECT_TRUE(std::equal(left.begin() + 1, left.end(), sent.begin() + 1));
}

TEST_P(CeleryWorker, purging_forgets_what_is_old_and_nothing_else) {
  db::TestExecutor executor;
  for (const auto* id : {"old", "new"}) {
    auto recording = record_done(world().database(), id, Done{},
                                 from_millis(id == std::string_view("old") ? 1'000 : 3'000));
    EXPECT_EQ(db::run_on(executor, std::move(recording)).value(), "null");
  }
  EXPECT_EQ(db::run_on(executor, purge_done(world().database(), from_millis(2'000))).value(), 1);
  EXPECT_FALSE(db::run_on(executor, find_done(world().database(), "old")).value());
  EXPECT_TRUE(db::run_on(executor, find_done(world().database(), "new")).value());
}

// Everything at once: workers come and go while messages are delivered several times, retried,
// revoked and restored, and Redis is emptied of nothing. Each effect is there once.
TEST_P(CeleryWorker, each_effect_is_recorded_once_while_workers_come_and_go) {
  constexpr int kTasks = 300;
  std::atomic<int> ran = 0;
  auto definition = counted("count", ran);
  definition.limits.backoff = Millis(5);
  definition.body =
      Blocks([body = std::get<Blocks>(definition.body), this](Running& run) -> Result<Done> {
        if (world().random().below(10) == 0) return Error(ErrorKind::unavailable, "By chance.");
        std::this_thread::sleep_for(Millis(static_cast<int>(world().random().below(5))));
        return body(run);
      });
  definition.limits.retries = 100;
  world().declare(std::move(definition));
  WorkerOptions options;
  options.broker.visibility = Millis(1000);
  world().worker(options);
  std::vector<std::string> ids;
  for (int i = 0; i < kTasks; ++i) {
    const auto message = world().message("count");
    ids.push_back(world().send(message));
    if (i % 3 == 0) world().send(message);
    if (i % 60 == 0) {
      auto& passing = world().worker(options);
      std::this_thread::sleep_for(Millis(20));
      passing.stop(Millis(i % 120 == 0 ? 0 : 50));
    }
    if (i == kTasks / 2) {
      world().redis.pause();
      std::this_thread::sleep_for(Millis(300));
      world().redis.resume();
    }
  }
  for (const auto& id : ids) EXPECT_EQ(world().end(id).result, "\"counted\"");
  world().wait([&] { return world().redis.ask({"HLEN", "unacked"}) == "0"; });
  EXPECT_EQ(effects(), kTasks);
}

}  // namespace
}  // namespace indaba::job::celery
