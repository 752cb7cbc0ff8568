// Where there is more than one round has room for: of what was lost, of what hangs, of what is
// delayed, and of one message.
#include "base/json_write.hpp"
#include "job/celery_control.hpp"
#include "job/test_celery.hpp"

#include <fmt/format.h>

namespace indaba::job::celery {
namespace {

class CeleryMany : public testing::Test {
 protected:
  void SetUp() override {
    if (!cluster::TestRedis::installed()) GTEST_SKIP() << "no redis-server";
    world_.emplace();
    world().declare({.name = "one",
                     .body = Blocks([](Running&) -> Result<Done> { return Done{.result = "1"}; })});
  }
  CeleryWorld& world() { return *world_; }
  std::string ask(const cluster::TestRedis::Words& words) { return world().redis.ask(words); }
  std::string raw_of(const Message& message) { return encode(message, world().random()); }

 private:
  std::optional<CeleryWorld> world_;
};

TEST_F(CeleryMany, all_that_a_killed_worker_had_comes_back_together) {
  for (int i = 0; i < 60; ++i) {
    const auto tag = fmt::format("tag {}", i);
    ask({"HSET", "unacked", tag, '[' + raw_of(world().message("one")) + R"(,"","q"])"});
    ask({"ZADD", "unacked_index", "99999", tag});
    ask({"ZADD", "indaba.celery.taken.q", "99999", tag});
  }
  WorkerOptions options;
  options.broker.visibility = Millis(40'000);
  const auto began = world().clock().mono();
  auto& worker = world().worker(options);
  world().wait([&] { return worker.stats().restored == 60; });
  EXPECT_LT(world().clock().mono() - began, Millis(5'000));
}

TEST_F(CeleryMany, bodies_that_block_and_hang_leave_room_for_others_up_to_a_number) {
  std::atomic<bool> go = false;
  std::atomic<int> at_once = 0;
  world().declare({.name = "hang",
                   .body = Blocks([&](Running&) -> Result<Done> {
                     ++at_once;
                     while (!go) std::this_thread::sleep_for(Millis(1));
                     --at_once;
                     return Done{};
                   }),
                   .limits = {.soft = Millis(0), .hard = Millis(30), .retries = 0}});
  WorkerOptions options;
  options.concurrency = 2;
  auto& worker = world().worker(options);
  std::vector<std::string> ids;
  const auto hang = [&](int more) {
    for (int i = 0; i < more; ++i) ids.push_back(world().send(world().message("hang")));
  };
  hang(7);
  world().wait([&] { return worker.stats().abandoned == 7; });
  EXPECT_EQ(at_once, 7);
  EXPECT_EQ(world().end(world().send(world().message("one"))).state, State::success);
  hang(5);
  world().wait([&] { return worker.stats().abandoned >= 8; });
  // Nothing new begins, and what was in hand is anybody's.
  const auto waiting = world().send(world().message("one"));
  world().wait([&] { return worker.stats().in_hand == 0; });
  EXPECT_LE(worker.stats().abandoned, 9);
  EXPECT_FALSE(world().outcome(waiting));
  go = true;
  EXPECT_EQ(world().end(waiting).state, State::success);
  for (const auto& id : ids) EXPECT_TRUE(world().end(id).ended());
  world().wait([&] { return worker.stats().abandoned == 0; });
}

TEST_F(CeleryMany, a_body_that_hangs_does_not_hold_up_the_end) {
  std::atomic<bool> began = false;
  std::atomic<bool> go = false;
  world().declare({.name = "hang", .body = Blocks([&](Running&) -> Result<Done> {
                                     began = true;
                                     while (!go) std::this_thread::sleep_for(Millis(1));
                                     return Done{};
                                   })});
  auto& worker = world().worker();
  const auto id = world().send(world().message("hang"));
  world().wait([&] { return began.load(); });
  EXPECT_EQ(worker.hanging(), 1);
  const auto from = world().clock().mono();
  worker.stop(Millis(100));
  EXPECT_LT(world().clock().mono() - from, Millis(4'000));
  EXPECT_EQ(worker.hanging(), 1);
  EXPECT_EQ(ask({"LLEN", "q"}), "1");  // it is given back
  go = true;
  world().wait([&] { return worker.hanging() == 0; });
}

TEST_F(CeleryMany, a_revocation_reaches_all_that_is_delayed) {
  ask({"EVAL",
       "for i = 1, 150000 do redis.call('ZADD', 'q.delayed', 9999999999, '0|{\"n\":' .. i .. '}') "
       "end",
       "0"});
  std::string ids;
  std::vector<std::string> revoked;
  for (int i = 0; i < 60; ++i) {
    const auto message = world().message("one");
    ask({"ZADD", "q.delayed", "9999999998", "0|" + raw_of(message)});
    ids += fmt::format("{}\"{}\"", ids.empty() ? "" : ",", message.id);
    revoked.push_back(message.id);
  }
  auto& worker = world().worker();
  world().wait([&] { return worker.stats().up; });
  const auto body = fmt::format(
      R"({{"method":"revoke","arguments":{{"task_id":[{}]}},"destination":null}})", ids);
  const auto command =
      wrap({.body = body, .headers = "{}", .exchange = "celery.pidbox"}, world().random());
  world().wait([&] { return ask({"PUBLISH", pidbox_channel(0), command}) == "1"; });
  for (const auto& id : revoked) EXPECT_EQ(world().end(id).state, State::revoked);
  EXPECT_EQ(ask({"ZCARD", "q.delayed"}), "150000");
}

TEST_F(CeleryMany, whoever_sent_what_is_too_large_is_told) {
  auto& worker = world().worker();
  const auto refused = [&](const std::string& id) {
    const auto end = world().end(id);
    EXPECT_EQ(end.state, State::failure);
    return repr_of(end.exception.value());
  };
  // As kombu writes it: the body first.
  const auto large = world().message("one", {{"text", std::string(2'000'000, 'x')}});
  EXPECT_THAT(refused(world().send(large)),
              testing::AllOf(testing::HasSubstr("InvalidTaskError"), testing::HasSubstr("1 MiB")));
  // As others may: the body last.
  const auto first = world().message("one");
  const auto raw = raw_of(first);
  ask({"LPUSH", "q",
       raw.substr(0, raw.size() - 1) + ",\"more\":\"" + std::string(2'000'000, 'x') + "\"}"});
  EXPECT_THAT(refused(first.id), testing::HasSubstr("1 MiB"));
  // What is no strict JSON, outside of its headers.
  const auto odd = world().message("one");
  ask({"LPUSH", "q", "{\"a\":NaN," + raw_of(odd).substr(1)});
  EXPECT_THAT(refused(odd.id), testing::HasSubstr("strict JSON"));
  auto ignored = large;
  ignored.id = "ignored";
  ignored.ignore_result = true;
  world().send(ignored);
  // Headers that cannot be read, or are none.
  for (const auto* headers : {"7", "{\"id\":", "{\"id\":\"a\\u0000b\"}", "{\"id\":NaN}",
                              "[{\"id\":\"x\"}]", "{\"task\":\"one\"}", ""})
    ask({"LPUSH", "q",
         fmt::format(R"({{"body":"{}","headers":{})", std::string(1'100'000, 'x'), headers)});
  world().wait([&] { return worker.stats().unreadable == 11; });
  EXPECT_EQ(ask({"LLEN", "q.dead"}), "11");
  EXPECT_EQ(ask({"KEYS", "celery-task-meta-ignored"}), "");
  EXPECT_EQ(ask({"KEYS", "celery-task-meta-x"}), "");
  EXPECT_EQ(ask({"HLEN", "unacked"}), "0");
}

}  // namespace
}  // namespace indaba::job::celery
