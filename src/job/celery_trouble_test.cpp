// What stands in Redis that nobody should have put there, and what Redis, clocks, the database and
// tasks do that they should not.
#include "job/celery_done.hpp"
#include "job/test_celery.hpp"

namespace indaba::job::celery {
namespace {

// As far from the right time as a machine without NTP is.
class WrongClock final : public Clock {
 public:
  explicit WrongClock(Millis wrong) : wrong_(wrong) {}
  [[nodiscard]] WallTime wall() const override { return clock_.wall() + wrong_; }
  [[nodiscard]] MonoTime mono() const override { return clock_.mono(); }

 private:
  SystemClock clock_;
  Millis wrong_;
};

class CeleryTrouble : public testing::Test {
 protected:
  void SetUp() override {
    if (!cluster::TestRedis::installed()) GTEST_SKIP() << "no redis-server";
    world_.emplace();
    world().declare({.name = "one",
                     .body = Blocks([this](Running&) -> Result<Done> {
                       ++ran_;
                       return Done{.result = "1"};
                     }),
                     .limits = {.backoff = Millis(100)}});
  }
  CeleryWorld& world() { return *world_; }
  std::string ask(const cluster::TestRedis::Words& words) { return world().redis.ask(words); }
  static WorkerOptions quick() {
    WorkerOptions options;
    options.broker.visibility = Millis(1000);
    return options;
  }
  // What somebody took long ago.
  void lose(const std::string& tag, const std::string& value) {
    ask({"HSET", "unacked", tag, value});
    ask({"ZADD", "unacked_index", "1000", tag});
  }
  std::string raw_of(const Message& message) { return encode(message, world().random()); }

  // How many, ever.
  int scripts_run() {
    const auto info = ask({"INFO", "commandstats"});
    constexpr std::string_view kEval = "cmdstat_eval:calls=";
    const auto at = info.find(kEval);
    return at == std::string::npos ? 0 : std::atoi(info.c_str() + at + kEval.size());
  }

  std::atomic<int> ran_ = 0;
  const WrongClock slow_{Millis(-20'000)};
  const WrongClock fast_{Millis(20'000)};

 private:
  std::optional<CeleryWorld> world_;
};

TEST_F(CeleryTrouble, what_stands_oddly_among_the_delayed_is_put_aside_when_it_is_due) {
  auto message = world().message("one");
  ask({"ZADD", "q.delayed", "1", ""});
  ask({"ZADD", "q.delayed", "2", "x"});
  ask({"ZADD", "q.delayed", "3", "3"});
  ask({"ZADD", "q.delayed", "4", raw_of(message)});
  ask({"ZADD", "q.delayed", "5", "3|" + raw_of(message)});
  ask({"ZADD", "q.delayed", "9999999999", "y"});  // is looked at when the worker stops
  auto& worker = world().worker();
  EXPECT_EQ(world().end(message.id).state, State::success);
  world().wait([&] { return worker.stats().unreadable == 4; });
  EXPECT_EQ(ask({"LLEN", "q.dead"}), "4");
  EXPECT_EQ(ask({"ZRANGE", "q.delayed", "0", "-1"}), "y");
  worker.stop(Millis(100));
  EXPECT_EQ(ran_, 1);
}

TEST_F(CeleryTrouble, a_clock_that_is_wrong_neither_hurries_nor_spins) {
  for (const auto* clock : {&slow_, &fast_}) {
    auto& worker = world().worker({}, clock);
    auto late = world().message("one");
    late.eta = world().clock().wall() + Millis(700);
    auto expiring = world().message("one");
    expiring.expires = world().clock().wall() + Millis(10'000);
    const auto before = scripts_run();
    world().send(late);
    EXPECT_EQ(world().end(world().send(expiring)).state, State::success);
    EXPECT_EQ(world().end(late.id).state, State::success);
    EXPECT_GE(world().clock().wall(), *late.eta);
    EXPECT_LT(world().clock().wall(), *late.eta + Millis(3'000));
    EXPECT_LT(scripts_run() - before, 60);
    worker.stop(Millis(100));
  }
  EXPECT_EQ(ran_, 4);
}

TEST_F(CeleryTrouble, a_redis_that_refuses_is_not_taken_for_an_empty_queue) {
  auto& worker = world().worker();
  world().wait([&] { return worker.stats().up; });
  ask({"SET", "q", "no list"});
  world().wait([&] { return worker.stats().refused; });
  EXPECT_FALSE(worker.stats().up);
  ask({"DEL", "q"});
  world().wait([&] { return worker.stats().up && !worker.stats().refused; });
  ask({"REPLICAOF", "127.0.0.1", "1"});
  world().wait([&] { return worker.stats().refused; });
  ask({"REPLICAOF", "NO", "ONE"});
  EXPECT_EQ(world().end(world().send(world().message("one"))).state, State::success);
  world().wait([&] { return worker.stats().up; });
  // Nothing is popped that cannot be kept.
  ask({"SET", "unacked_index", "no index"});
  world().wait([&] { return worker.stats().refused; });
  const auto id = world().send(world().message("one"));
  std::this_thread::sleep_for(Millis(300));
  EXPECT_EQ(ask({"LLEN", "q"}), "1");
  ask({"DEL", "unacked_index"});
  EXPECT_EQ(world().end(id).state, State::success);
}

TEST_F(CeleryTrouble, what_is_noted_as_taken_is_json_that_pythons_reads) {
  const auto good = raw_of(world().message("one"));
  auto fine = world().message("one");
  fine.origin = "gen1@höst \"quoted\" \\ \xF0\x9F\x98\x80";
  for (const auto* bad :
       {R"({"a":NaN})", R"({"a":nan})", R"({"a":0x10})", R"({"a":01})", R"({"a":Infinity})",
        R"({"a":-inf})", "{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\x01\"}",
        R"({"a":1.})", R"({"a":.5})", R"({"a":+1})"})
    ask({"LPUSH", "q", bad});
  ask({"LPUSH", "q",
       "{\"a\":" + std::string(100, '[') + std::string(100, ']') + "," + good.substr(1)});
  ask({"LPUSH", "q", "{ \n\t\"x\": [-0.5e+3, 0, 10, true, false, null]," + good.substr(1)});
  world().send(fine);
  WorkerOptions options;
  options.concurrency = 64;
  auto& worker = world().worker(options);
  EXPECT_EQ(world().end(fine.id).state, State::success);
  world().wait([&] { return ask({"LLEN", "q.dead"}) == "13"; });
  EXPECT_EQ(worker.stats().unreadable, 13);
  // It counts what Redis has, and whoever waits for a result may hear of that first.
  world().wait([&] { return worker.stats().succeeded == 2; });
}

TEST_F(CeleryTrouble, what_was_lost_is_found_behind_all_that_others_left) {
  for (int i = 0; i < 2500; ++i)
    lose(fmt::format("foreign {}", i), R"([{"headers":{"id":"x"}}, "", "celery"])");
  // A worker of ours took one …
  std::atomic<bool> began = false;
  world().declare({.name = "once", .body = Blocks([&](Running& run) -> Result<Done> {
                                     if (began.exchange(true)) return Done{.result = "2"};
                                     while (!run.stopping()) std::this_thread::sleep_for(Millis(1));
                                     std::this_thread::sleep_for(Millis(300));
                                     return stopped();
                                   })});
  const auto ours = world().message("once");
  world().send(ours);
  auto& first = world().worker(quick());
  world().wait([&] { return began.load(); });
  const auto value = ask({"HVALS", "unacked"});
  first.stop(Millis(0));
  // … and was killed, and one of Python's left another.
  ask({"DEL", "q"});
  ask({"HSET", "unacked", "ours", '[' + raw_of(ours) + R"(,"","q"])"});
  ask({"ZADD", "unacked_index", "99999", "ours"});
  ask({"ZADD", "indaba.celery.taken.q", "99999", "ours"});
  const auto theirs = world().message("one");
  lose("theirs", '[' + raw_of(theirs) + R"(, "", "q"])");
  ask({"ZADD", "unacked_index", "88888", "theirs"});
  world().worker(quick());
  EXPECT_EQ(world().end(ours.id).result, "2");
  EXPECT_EQ(world().end(theirs.id).result, "1");
  world().wait([&] { return ask({"HLEN", "unacked"}) == "2500"; });
  EXPECT_EQ(ask({"ZCARD", "indaba.celery.taken.q"}), "0");
}

TEST_F(CeleryTrouble, our_own_index_holds_what_is_in_hand_and_nothing_else) {
  std::atomic<bool> go = false;
  world().declare({.name = "wait", .body = Blocks([&](Running&) -> Result<Done> {
                                     while (!go) std::this_thread::sleep_for(Millis(1));
                                     return Done{};
                                   })});
  auto& worker = world().worker();
  for (int i = 0; i < 6; ++i) world().send(world().message("wait"));
  world().wait([&] { return ask({"ZCARD", "indaba.celery.taken.q"}) == "6"; });
  go = true;
  world().wait([&] { return ask({"ZCARD", "indaba.celery.taken.q"}) == "0"; });
  go = false;
  for (int i = 0; i < 6; ++i) world().send(world().message("wait"));
  world().wait([&] { return worker.stats().in_hand == 6; });
  go = true;
  worker.stop(Millis(0));
  EXPECT_EQ(ask({"ZCARD", "indaba.celery.taken.q"}), "0");
}

TEST_F(CeleryTrouble, what_nobody_can_read_among_the_taken_is_put_aside_once) {
  lose("bad", R"([{"a":NaN},"","q"])");
  lose("python's", R"([{"a": Infinity}, "", "q"])");
  lose("odd", R"(7,"q"])");
  lose("odder", R"("q"])");
  auto& worker = world().worker(quick());
  world().wait([&] { return ask({"HLEN", "unacked"}) == "0"; });
  std::this_thread::sleep_for(Millis(800));
  EXPECT_EQ(worker.stats().unreadable, 4);
  const auto dead = ask({"LRANGE", "q.dead", "0", "-1"});
  EXPECT_THAT(dead, testing::AllOf(testing::HasSubstr(R"({"a":NaN})"),
                                   testing::HasSubstr(R"({"a": Infinity})"),
                                   testing::Not(testing::HasSubstr(R"("",)"))));
}

TEST_F(CeleryTrouble, a_broker_that_forgot_all_costs_no_result_that_is_kept_elsewhere) {
  cluster::TestRedis results;
  std::atomic<bool> began = false;
  std::atomic<bool> go = false;
  world().declare({.name = "wait", .body = Blocks([&](Running&) -> Result<Done> {
                                     began = true;
                                     while (!go) std::this_thread::sleep_for(Millis(1));
                                     return Done{.result = "3"};
                                   })});
  auto& worker = world().worker({}, nullptr, cluster::RedisTarget::parse(results.url()).value());
  const auto id = world().send(world().message("wait"));
  world().wait([&] { return began.load(); });
  ask({"FLUSHALL"});
  go = true;
  world().wait([&] { return !results.ask({"GET", result_key(id)}).empty(); });
  EXPECT_EQ(decode_result(results.ask({"GET", result_key(id)})).value().result, "3");
  EXPECT_EQ(worker.stats().lost, 0);
}

TEST_F(CeleryTrouble, leases_are_renewed_while_only_the_results_redis_is_away) {
  cluster::TestRedis results;
  std::atomic<bool> began = false;
  std::atomic<bool> go = false;
  world().declare({.name = "wait",
                   .body = Blocks([&](Running&) -> Result<Done> {
                     began = true;
                     while (!go) std::this_thread::sleep_for(Millis(1));
                     return Done{.result = "3"};
                   }),
                   .limits = {.hard = Millis(60'000)}});
  const auto backend = cluster::RedisTarget::parse(results.url()).value();
  auto& worker = world().worker(quick(), nullptr, backend);
  const auto id = world().send(world().message("wait"));
  world().wait([&] { return began.load(); });
  results.kill();
  world().wait([&] { return !worker.stats().up; });
  auto& other = world().worker(quick());  // would restore what is not renewed
  std::this_thread::sleep_for(Millis(2'500));
  EXPECT_EQ(other.stats().restored, 0);
  results.start();
  go = true;
  world().wait([&] { return !results.ask({"GET", result_key(id)}).empty(); });
  EXPECT_EQ(worker.stats().lost, 0);
}

TEST_F(CeleryTrouble, bodies_that_go_on_beyond_their_time_are_bounded) {
  std::atomic<bool> go = false;
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  const auto stubborn = [](std::atomic<bool>* until, std::atomic<int>* now,
                           std::atomic<int>* high) -> Task<Result<Done>> {
    *high = std::max(high->load(), ++*now);
    while (!*until) co_await sleep_for{Millis(5)};
    --*now;
    co_return Done{};
  };
  world().declare(
      {.name = "stubborn",
       .body = Waits([&](std::shared_ptr<Running>) { return stubborn(&go, &at_once, &most); }),
       .limits = {.soft = Millis(0), .hard = Millis(20), .retries = 0}});
  WorkerOptions options;
  options.concurrency = 1;
  auto& worker = world().worker(options);
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) ids.push_back(world().send(world().message("stubborn")));
  world().wait([&] { return worker.stats().abandoned == 4; });
  std::this_thread::sleep_for(Millis(500));
  EXPECT_EQ(worker.stats().abandoned, 4);
  EXPECT_LE(most, 5);
  go = true;
  for (const auto& id : ids) EXPECT_TRUE(world().end(id).ended());
  world().wait([&] { return worker.stats().abandoned == 0; });
}

TEST_F(CeleryTrouble, while_the_database_is_away_what_waits_stays_in_its_list) {
  world().close_database(true);
  auto& worker = world().worker();
  std::vector<std::string> ids;
  for (int i = 0; i < 200; ++i) ids.push_back(world().send(world().message("one")));
  std::this_thread::sleep_for(Millis(2'500));
  EXPECT_EQ(ask({"ZCARD", "q.delayed"}), "0");
  EXPECT_LE(world().refused_reads(), 20);
  EXPECT_GE(world().refused_reads(), 2);
  world().wait([&] { return ask({"LLEN", "q"}) == "200"; });
  EXPECT_EQ(std::get<Message>(decode(ask({"LINDEX", "q", "-1"}))).id, ids.front());
  world().close_database(false);
  for (const auto& id : ids) EXPECT_EQ(world().end(id).state, State::success);
  EXPECT_EQ(ran_, 200);
  EXPECT_EQ(worker.stats().failed, 0);
}

TEST_F(CeleryTrouble, what_the_database_will_never_answer_is_put_aside_and_the_rest_goes_on) {
  world().close_database(true, ErrorKind::invalid);
  auto& worker = world().worker();
  const auto id = world().send(world().message("one"));
  EXPECT_EQ(world().end(id).state, State::failure);
  world().close_database(false);
  EXPECT_EQ(world().end(world().send(world().message("one"))).state, State::success);
  EXPECT_EQ(ask({"LLEN", "q.dead"}), "1");
  EXPECT_EQ(worker.stats().postponed, 0);
}

TEST_F(CeleryTrouble, what_was_done_long_ago_and_not_let_go_of_is_not_done_again) {
  const auto message = world().message("one");
  db::TestExecutor executor;
  Done done;
  done.result = "\"then\"";
  EXPECT_TRUE(db::run_on(
      executor, record_done(world().database(), message.id + "\x1fone", done, from_millis(1'000))));
  lose("tag", '[' + raw_of(message) + R"(,"","q"])");
  world().worker(quick());
  EXPECT_EQ(world().end(message.id).result, "\"then\"");
  EXPECT_EQ(ran_, 0);
}

TEST_F(CeleryTrouble, large_messages_are_taken_a_few_at_a_time) {
  std::vector<std::string> ids;
  for (int i = 0; i < 24; ++i) {
    auto message = world().message("one", {{"text", std::string(500'000, 'x')}});
    message.priority = 9 * (i % 2);
    ids.push_back(world().send(message));
  }
  WorkerOptions options;
  options.concurrency = 32;
  world().worker(options);
  for (const auto& id : ids) EXPECT_EQ(world().end(id).result, "1");
}

TEST_F(CeleryTrouble, another_task_with_the_same_id_is_another_one) {
  world().declare({.name = "two",
                   .body = Blocks([](Running&) -> Result<Done> { return Done{.result = "2"}; })});
  world().worker();
  auto message = world().message("one");
  EXPECT_EQ(world().end(world().send(message)).result, "1");
  ask({"DEL", result_key(message.id)});
  message.task = "two";
  EXPECT_EQ(world().end(world().send(message)).result, "2");
}

TEST_F(CeleryTrouble, results_may_be_kept_for_ever) {
  WorkerOptions options;
  options.broker.result_expires = std::chrono::seconds(0);
  world().worker(options);
  const auto id = world().send(world().message("one"));
  EXPECT_EQ(world().end(id).result, "1");
  EXPECT_EQ(ask({"TTL", result_key(id)}), "-1");
}

TEST_F(CeleryTrouble, what_celery_may_not_name_is_not_known_and_its_message_is_kept) {
  world().registry.add({.name = "inner", .body = Blocks([this](Running&) -> Result<Done> {
                                           ++ran_;
                                           return Done{};
                                         })});
  world().worker();
  for (const auto* name : {"inner", "nobody"})
    EXPECT_EQ(world().end(world().send(world().message(name))).exception->type, "NotRegistered");
  EXPECT_EQ(ran_, 0);
  EXPECT_EQ(ask({"LLEN", "q.dead"}), "2");
}

TEST_F(CeleryTrouble, arguments_are_checked_in_pythons_words) {
  world().declare({.name = "f",
                   .body = Blocks([this](Running&) -> Result<Done> {
                     ++ran_;
                     return Done{};
                   }),
                   .parameters = {"a", "b", "c", "d"},
                   .required = 3});
  world().worker();
  const auto says = [&](boost::json::array args, boost::json::object kwargs) {
    auto message = world().message("f", std::move(kwargs));
    message.args = std::move(args);
    const auto end = world().end(world().send(message));
    return end.exception ? repr_of(*end.exception) : std::string("fine");
  };
  EXPECT_EQ(says({1, 2, 3}, {}), "fine");
  EXPECT_EQ(says({1}, {{"c", 1}, {"b", nullptr}}), "fine");
  EXPECT_EQ(says({}, {}),
            R"(TypeError("f() missing 3 required positional arguments: 'a', 'b', and 'c'"))");
  EXPECT_EQ(says({1}, {}),
            R"(TypeError("f() missing 2 required positional arguments: 'b' and 'c'"))");
  EXPECT_EQ(says({1, 2}, {}), R"(TypeError("f() missing 1 required positional argument: 'c'"))");
  EXPECT_EQ(says({1, 2, 3}, {{"x", 1}}),
            R"(TypeError("f() got an unexpected keyword argument 'x'"))");
  EXPECT_EQ(says({1, 2, 3, 4, 5}, {}),
            "TypeError('f() takes from 3 to 4 positional arguments but 5 were given')");
  EXPECT_EQ(ran_, 2);
}

TEST_F(CeleryTrouble, an_id_with_a_zero_byte_is_put_aside) {
  auto& worker = world().worker();
  auto message = world().message("one");
  message.id = std::string("a\0b", 3);
  ask({"LPUSH", "q", raw_of(message)});
  world().wait([&] { return worker.stats().unreadable == 1; });
  EXPECT_EQ(ask({"LLEN", "q.dead"}), "1");
  EXPECT_EQ(ran_, 0);
}

}  // namespace
}  // namespace indaba::job::celery
