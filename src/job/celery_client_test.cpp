#include "job/celery_client.hpp"
#include "job/test_celery.hpp"

namespace indaba::job::celery {
namespace {

class CeleryClient : public testing::Test {
 protected:
  void SetUp() override {
    if (!cluster::TestRedis::installed()) GTEST_SKIP() << "no redis-server";
    world_.emplace();
    client_.emplace(world_->target(), std::nullopt, Client::Options{}, world_->clock(),
                    world_->random(), world_->log());
    client_->start();
    CeleryWorld::wait([&] { return client_->came_up(); });
  }
  // Which field is wrong.
  std::string refused(Sending sending) {
    const auto sent = db::run_on(executor_, client_->send(std::move(sending)));
    return sent ? std::string() : sent.error().fields.at(0).field;
  }
  std::optional<CeleryWorld> world_;
  std::optional<Client> client_;
  db::TestExecutor executor_;
};

TEST_F(CeleryClient, a_call_and_its_result_find_each_other) {
  world_->declare({.name = "echo", .body = Blocks([](Running& run) -> Result<Done> {
                                     return Done{.result = json::to_text(run.arguments())};
                                   })});
  world_->worker();
  Sending sending{.task = "echo", .kwargs = {{"a", 1}}, .queue = "q"};
  const auto id = db::run_on(executor_, client_->send(sending)).value();
  EXPECT_EQ(db::run_on(executor_, client_->result(id, Millis(5000))).value().result, R"({"a":1})");
  EXPECT_EQ(db::run_on(executor_, client_->result(id, Millis(5000))).value().state,
            State::success);  // also afterwards
  sending.task = "nobody";
  const auto failed = db::run_on(executor_, client_->send(sending)).value();
  EXPECT_EQ(
      repr_of(*db::run_on(executor_, client_->result(failed, Millis(5000))).value().exception),
      "NotRegistered('nobody')");
}

TEST_F(CeleryClient, what_is_sent_again_under_its_id_stands_on_the_queue_once) {
  Sending sending{.task = "t", .args = {1}, .queue = "nobody", .id = "the-jobs-own", .once = true};
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(db::run_on(executor_, client_->send(sending)).value(), "the-jobs-own");
  EXPECT_EQ(world_->redis.ask({"LLEN", "nobody"}), "1");
  sending.id = "another";
  EXPECT_TRUE(db::run_on(executor_, client_->send(sending)).has_value());
  EXPECT_EQ(world_->redis.ask({"LLEN", "nobody"}), "2");
  // What Redis refused was not sent.
  world_->redis.ask({"SET", "text", "no list"});
  sending.queue = "text";
  sending.id = "a third";
  EXPECT_EQ(refused(sending), "id");
  sending.id = "a-third";
  EXPECT_EQ(db::run_on(executor_, client_->send(sending)).error().code, "celery_refused");
  EXPECT_EQ(world_->redis.ask({"EXISTS", "indaba.celery.sent.a-third"}), "0");
}

TEST_F(CeleryClient, who_waits_in_vain_is_told_when_the_time_is_over) {
  const auto waited = db::run_on(executor_, client_->result("nobody-knows-it", Millis(100)));
  EXPECT_EQ(waited.error().code, "no_result_yet");
}

TEST_F(CeleryClient, an_unreadable_result_is_an_error) {
  world_->redis.ask({"SET", result_key("x"), "no JSON"});
  EXPECT_FALSE(db::run_on(executor_, client_->result("x", Millis(5000))).has_value());
}

TEST_F(CeleryClient, without_redis_nothing_is_sent_and_nothing_waits) {
  world_->redis.kill();
  Result<std::string> sent = Error();
  CeleryWorld::wait([&] {
    sent = db::run_on(executor_, client_->send({.task = "t"}));
    return !sent.has_value();
  });
  EXPECT_EQ(sent.error().kind, ErrorKind::unavailable);
}

TEST_F(CeleryClient, what_no_worker_could_run_is_refused) {
  EXPECT_EQ(refused({.task = ""}), "task");
  EXPECT_EQ(refused({.task = "t", .queue = "a b"}), "queue");
  EXPECT_EQ(refused({.task = "t", .priority = 10}), "priority");
  EXPECT_EQ(refused({.task = "t", .eta = world_->clock().wall() + std::chrono::hours(2)}), "eta");
  EXPECT_EQ(refused({.task = "t", .hard = Millis(1), .soft = Millis(1)}), "soft");
}

}  // namespace
}  // namespace indaba::job::celery
