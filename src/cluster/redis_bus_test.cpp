// The bus over a real Redis that fails in the ways in which one does.
#include "cluster/redis_bus.hpp"

#include "cluster/test_listener.hpp"
#include "cluster/test_redis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sstream>

namespace indaba::cluster {
namespace {

using testing::HasSubstr;
using testing::Not;
using Steady = std::chrono::steady_clock;

class RedisBusTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!TestRedis::installed()) GTEST_SKIP() << "redis-server is not installed";
  }
  std::unique_ptr<RedisBus> make(const std::string& url, const std::string& prefix = "test:") {
    return std::make_unique<RedisBus>(*RedisTarget::parse(url), prefix, clock_, random_, log_);
  }
  // A bus that is up and has joined "news".
  std::unique_ptr<RedisBus> started(const std::string& url, TestListener& listener) {
    auto bus = make(url);
    bus->join("news");
    bus->start(listener);
    EXPECT_TRUE(listener.wait_up());
    EXPECT_TRUE(listener.wait_joined("news"));
    return bus;
  }
  void expect_works(RedisBus& bus, TestListener& listener, const std::string& word) {
    bus.publish("news", word);
    EXPECT_TRUE(listener.wait_for(word)) << word;
  }
  // Takes a bus that went down up again.
  void expect_comes_back(RedisBus& bus, TestListener& listener, int joined = 2) {
    EXPECT_TRUE(listener.wait_up());
    EXPECT_TRUE(listener.wait_joined("news", joined));
    expect_works(bus, listener, "again");
  }

  SystemClock clock_;
  SystemRandom random_;
  std::ostringstream lines_;
  Logger log_{clock_, LogLevel::info, LogFormat::json,
              std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_)};
};

TEST_F(RedisBusTest, hears_nothing_of_another_prefix) {
  TestRedis redis;
  TestListener ours;
  TestListener theirs;
  auto bus = started(redis.url(), ours);
  auto other = make(redis.url(), "other:");
  other->join("news");
  other->start(theirs);
  ASSERT_TRUE(theirs.wait_joined("news"));
  EXPECT_EQ(redis.ask({"PUBLISH", "test:news", "to one"}), "1");
  EXPECT_TRUE(ours.wait_for("to one"));
  EXPECT_EQ(ours.heard().messages.front().first, "news");
  EXPECT_TRUE(theirs.heard().messages.empty());
}

TEST_F(RedisBusTest, hears_channels_by_pattern_and_each_message_once) {
  TestRedis redis;
  TestListener listener;
  const std::vector<std::string> patterns{"org-*", "user-*", "o*", "*-2"};
  RedisBus bus(*RedisTarget::parse(redis.url()), "test:", clock_, random_, log_, patterns);
  bus.join("org-1");
  bus.start(listener);
  ASSERT_TRUE(listener.wait_up());
  ASSERT_TRUE(listener.wait_joined("org-1"));
  for (const auto* channel : {"test:org-1", "test:org-2", "test:team-1", "org-3", "test:user-9"})
    redis.ask({"PUBLISH", channel, "hello"});
  bus.publish("user-9", "last");
  ASSERT_TRUE(listener.wait_for("last"));
  EXPECT_THAT(
      listener.heard().messages,
      testing::ElementsAre(testing::Pair("org-1", "hello"), testing::Pair("org-2", "hello"),
                           testing::Pair("user-9", "hello"), testing::Pair("user-9", "last")));
}

TEST_F(RedisBusTest, drops_and_counts_while_redis_is_gone_and_goes_on_when_it_is_back) {
  TestRedis redis;
  TestListener listener;
  auto bus = started(redis.url(), listener);
  redis.kill();
  ASSERT_TRUE(listener.wait_down(2));  // at once: the connection breaks
  for (int i = 0; i < 10; ++i) bus->publish("news", "lost");
  EXPECT_EQ(bus->stats().dropped, 10);
  redis.start();
  expect_comes_back(*bus, listener);
  EXPECT_EQ(listener.heard().count("lost"), 0);
  bus->stop();
  const auto lines = lines_.str();
  EXPECT_THAT(lines, HasSubstr("Redis carries no messages"));
  EXPECT_LE(std::ranges::count(lines, '\n'), 6) << lines;  // once a change, not once an attempt
}

TEST_F(RedisBusTest, notices_a_server_that_hangs) {
  TestRedis redis;
  TestListener listener;
  auto bus = started(redis.url(), listener);
  redis.pause();
  const auto began = Steady::now();
  ASSERT_TRUE(listener.wait_down(6));
  EXPECT_LT(Steady::now() - began, std::chrono::milliseconds(4000));
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));  // an attempt that times out
  EXPECT_FALSE(bus->stats().up);
  redis.resume();
  expect_comes_back(*bus, listener);
}

TEST_F(RedisBusTest, notices_a_server_that_pauses_its_clients) {
  TestRedis redis;
  TestListener listener;
  auto bus = started(redis.url(), listener);
  ASSERT_EQ(redis.ask({"CLIENT", "PAUSE", "5000", "ALL"}), "OK");
  ASSERT_TRUE(listener.wait_down(6));
  expect_comes_back(*bus, listener);
}

TEST_F(RedisBusTest, connects_anew_when_one_of_its_connections_is_killed) {
  TestRedis redis;
  TestListener listener;
  auto bus = started(redis.url(), listener);
  ASSERT_EQ(redis.ask({"CLIENT", "KILL", "TYPE", "pubsub"}), "1");
  ASSERT_TRUE(listener.wait_joined("news", 2));
  expect_comes_back(*bus, listener);
  ASSERT_EQ(redis.ask({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}), "1");
  ASSERT_TRUE(listener.wait_joined("news", 3));
  expect_comes_back(*bus, listener, 3);
  EXPECT_EQ(bus->stats().reconnections, 2);
}

TEST_F(RedisBusTest, keeps_nothing_in_redis_so_that_a_flush_harms_nothing) {
  TestRedis redis;
  TestListener listener;
  auto bus = started(redis.url(), listener);
  expect_works(*bus, listener, "before");
  EXPECT_EQ(redis.ask({"DBSIZE"}), "0");
  EXPECT_EQ(redis.ask({"FLUSHALL"}), "OK");
  expect_works(*bus, listener, "after");
  EXPECT_EQ(listener.heard().downs, 0);
}

TEST_F(RedisBusTest, says_that_the_password_is_wrong_and_never_which) {
  TestRedis redis("requirepass right\n");
  TestListener listener;
  auto bus = make(fmt::format("redis://:hunter2@127.0.0.1:{}", redis.port()));
  bus->start(listener);
  EXPECT_FALSE(listener.wait([](const auto& heard) { return heard.ups > 0; }, 1));
  bus->stop();
  EXPECT_THAT(lines_.str(), HasSubstr("refuses the user or the password (WRONGPASS)"));
  EXPECT_THAT(lines_.str(), Not(HasSubstr("hunter2")));
  EXPECT_EQ(std::ranges::count(lines_.str(), '\n'), 1);
}

TEST_F(RedisBusTest, says_that_a_password_is_missing) {
  TestRedis redis("requirepass right\n");
  TestListener listener;
  auto bus = make(redis.url());
  bus->start(listener);
  EXPECT_FALSE(listener.wait([](const auto& heard) { return heard.ups > 0; }, 1));
  bus->stop();
  EXPECT_THAT(lines_.str(), HasSubstr("asks for a password"));
}

TEST_F(RedisBusTest, comes_as_a_user_with_a_password_and_by_a_unix_socket) {
  TestRedis redis("user anna on >p@ss ~* &* +@all\nuser default off\n");
  TestListener by_tcp;
  TestListener by_socket;
  auto one = started(fmt::format("redis://anna:p%40ss@127.0.0.1:{}/2", redis.port()), by_tcp);
  auto other = started(fmt::format("unix://anna:p%40ss@{}", redis.socket()), by_socket);
  one->publish("news", "hello");
  EXPECT_TRUE(by_socket.wait_for("hello"));
}

TEST_F(RedisBusTest, tells_how_much_memory_redis_takes_and_lives_where_it_may_not_ask) {
  TestRedis redis("user narrow on >secret ~* &* +publish +subscribe +unsubscribe +ping +auth\n");
  TestListener listener;
  auto bus = started(redis.url(), listener);
  for (int i = 0; i < 500 && bus->stats().memory_bytes == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_GT(bus->stats().memory_bytes, 100'000U);

  TestListener also;
  auto narrow = started(fmt::format("redis://narrow:secret@127.0.0.1:{}", redis.port()), also);
  expect_works(*narrow, also, "hello");
  EXPECT_EQ(also.heard().downs, 0);
  EXPECT_EQ(narrow->stats().memory_bytes, 0U);
}

TEST_F(RedisBusTest, stays_down_where_it_may_not_listen_and_says_why) {
  TestRedis redis("user anna on >p ~* &elsewhere:* +@all\n");
  TestListener listener;
  auto bus = make(fmt::format("redis://anna:p@127.0.0.1:{}", redis.port()));
  bus->join("news");
  bus->start(listener);
  EXPECT_FALSE(listener.wait([](const auto& heard) { return heard.ups > 0; }, 1));
  bus->stop();
  EXPECT_THAT(lines_.str(), HasSubstr("NOPERM"));
}

TEST_F(RedisBusTest, stops_at_once_whatever_it_waits_for) {
  TestRedis redis;
  redis.pause();
  for (const auto& url : {redis.url(), std::string("redis://127.0.0.1:1"),
                          std::string("redis://192.0.2.1:6379"), std::string("unix:///nowhere")}) {
    TestListener listener;
    auto bus = make(url);
    bus->start(listener);
    bus->join("news");
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    const auto began = Steady::now();
    bus->stop();
    EXPECT_LT(Steady::now() - began, std::chrono::milliseconds(500)) << url;
    EXPECT_EQ(listener.heard().ups, 0);
  }
}

TEST_F(RedisBusTest, bounds_what_waits_for_a_server_that_does_not_read) {
  TestRedis redis;
  TestListener listener;
  auto bus = started(redis.url(), listener);
  redis.pause();
  const std::string large(512 * 1024, 'x');
  for (int i = 0; i < 80; ++i) bus->publish("elsewhere", large);
  EXPECT_GT(bus->stats().dropped, 20);  // of 40 MiB, 16 and what the sockets hold wait
  redis.resume();
  ASSERT_TRUE(listener.wait_up());
}

TEST_F(RedisBusTest, sends_a_backlog_that_is_larger_than_a_socket_takes) {
  TestRedis redis;
  TestListener listener;
  auto bus = started(redis.url(), listener);
  for (int i = 0; i < 30; ++i)
    bus->publish("news", std::to_string(i) + std::string(std::size_t{500} * 1024, 'x'));
  ASSERT_TRUE(listener.wait([](const auto& heard) { return heard.messages.size() == 30; }));
  EXPECT_EQ(listener.heard().downs, 0);
}

// A server that is none.
TEST_F(RedisBusTest, survives_a_server_that_speaks_another_protocol) {
  const int server = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(server, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(server, 8), 0);
  ASSERT_EQ(::getsockname(server, reinterpret_cast<sockaddr*>(&address), &size), 0);
  TestListener listener;
  auto bus = make(fmt::format("redis://127.0.0.1:{}", ntohs(address.sin_port)));
  bus->start(listener);
  for (const std::string_view answer : {"HTTP/1.1 400 Bad Request\r\n\r\n", "*-5\r\n",
                                        "$999999999999999999999\r\n", "*1\r\n*1\r\n"}) {
    const int client = ::accept(server, nullptr, nullptr);
    ASSERT_GE(client, 0);
    EXPECT_EQ(::send(client, answer.data(), answer.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(answer.size()));
    ::close(client);
  }
  bus->stop();
  ::close(server);
  EXPECT_EQ(listener.heard().ups, 0);
}

class SentinelTest : public RedisBusTest {
 protected:
  static std::string monitor(int port) {
    return fmt::format(
        "sentinel monitor main 127.0.0.1 {} 1\nsentinel down-after-milliseconds main 500\n"
        "sentinel failover-timeout main 3000\n",
        port);
  }
};

TEST_F(SentinelTest, finds_the_master_and_follows_a_failover) {
  TestRedis first("replica-priority 100\n");
  TestRedis second(fmt::format("replicaof 127.0.0.1 {}\n", first.port()));
  for (int i = 0;
       i < 500 && second.ask({"INFO", "replication"}).find("link_status:up") == std::string::npos;
       ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  TestRedis sentinel(monitor(first.port()), true);
  for (int i = 0; i < 1500 && sentinel.ask({"SENTINEL", "replicas", "main"}).empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  TestListener listener;
  // The first one is not there: the next is asked.
  auto bus = started(fmt::format("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/main", sentinel.port()),
                     listener);
  expect_works(*bus, listener, "first");
  ASSERT_EQ(first.ask({"PUBSUB", "NUMSUB", "test:news"}), "test:news 1");
  first.kill();
  ASSERT_TRUE(listener.wait_down());
  ASSERT_TRUE(listener.wait([](const auto& heard) { return heard.up(); }, 30));
  expect_works(*bus, listener, "second");
  EXPECT_EQ(second.ask({"PUBSUB", "NUMSUB", "test:news"}), "test:news 1");
}

TEST_F(SentinelTest, says_that_it_knows_no_such_master) {
  TestRedis redis;
  TestRedis sentinel(monitor(redis.port()), true);
  TestListener listener;
  auto bus = make(fmt::format("redis+sentinel://127.0.0.1:{}/other", sentinel.port()));
  bus->start(listener);
  EXPECT_FALSE(listener.wait([](const auto& heard) { return heard.ups > 0; }, 1));
  bus->stop();
  EXPECT_THAT(lines_.str(), HasSubstr("knows no master of this name"));
}

}  // namespace
}  // namespace indaba::cluster
