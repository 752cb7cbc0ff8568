// What every bus does: by Redis and in memory.
#include "cluster/memory_bus.hpp"
#include "cluster/redis_bus.hpp"
#include "cluster/test_listener.hpp"
#include "cluster/test_redis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::cluster {
namespace {

// Where buses of one kind meet.
class Medium {
 public:
  virtual ~Medium() = default;
  virtual std::unique_ptr<Bus> make() = 0;
  virtual void go_down() = 0;
  virtual void come_up() = 0;
};

class RedisMedium final : public Medium {
 public:
  std::unique_ptr<Bus> make() override {
    return std::make_unique<RedisBus>(*RedisTarget::parse(redis_.url()), "test:", clock_, random_,
                                      log_);
  }
  void go_down() override { redis_.kill(); }
  void come_up() override { redis_.start(); }

 private:
  SystemClock clock_;
  SystemRandom random_;
  Logger log_ = Logger::null();
  TestRedis redis_;
};

class MemoryMedium : public Medium {
 public:
  std::unique_ptr<Bus> make() override { return std::make_unique<MemoryBus>(broker_); }
  void go_down() override { broker_.set_up(false); }
  void come_up() override { broker_.set_up(true); }

 protected:
  MemoryBroker broker_;
};

// The listener is called on a loop's thread.
class PostingMedium final : public MemoryMedium {
 public:
  PostingMedium() { thread_.start(); }
  std::unique_ptr<Bus> make() override {
    return std::make_unique<MemoryBus>(broker_, &thread_.loop());
  }

 private:
  SystemClock clock_;
  LoopThread thread_{clock_};
};

struct Kind {
  const char* name;
  std::unique_ptr<Medium> (*make)();
};

class BusTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (!TestRedis::installed() && std::string(GetParam().name) == "redis")
      GTEST_SKIP() << "redis-server is not installed";
    medium_ = GetParam().make();
  }
  struct Member {
    explicit Member(Medium& medium) : bus(medium.make()) {}
    ~Member() { bus->stop(); }
    TestListener listener;
    std::unique_ptr<Bus> bus;
  };
  std::unique_ptr<Member> member() {
    auto one = std::make_unique<Member>(*medium_);
    one->bus->start(one->listener);
    EXPECT_TRUE(one->listener.wait_up());
    return one;
  }
  std::unique_ptr<Member> member_in(const std::string& channel) {
    auto one = member();
    one->bus->join(channel);
    EXPECT_TRUE(one->listener.wait_joined(channel));
    return one;
  }
  std::unique_ptr<Medium> medium_;
};

TEST_P(BusTest, carries_a_message_to_everybody_who_joined_the_sender_too) {
  auto a = member_in("news");
  auto b = member_in("news");
  auto c = member_in("weather");
  a->bus->publish("news", "hello");
  EXPECT_TRUE(a->listener.wait_for("hello"));
  EXPECT_TRUE(b->listener.wait_for("hello"));
  b->bus->publish("weather", "rain");
  EXPECT_TRUE(c->listener.wait_for("rain"));
  EXPECT_THAT(c->listener.heard().messages, testing::ElementsAre(testing::Pair("weather", "rain")));
  EXPECT_EQ(b->listener.heard().messages.front().first, "news");
}

TEST_P(BusTest, keeps_the_order_of_one_sender) {
  auto a = member();
  auto b = member_in("numbers");
  constexpr int kMany = 5000;
  for (int i = 0; i < kMany; ++i) a->bus->publish("numbers", std::to_string(i));
  ASSERT_TRUE(b->listener.wait_for(std::to_string(kMany - 1)));
  const auto heard = b->listener.heard().messages;
  ASSERT_EQ(heard.size(), kMany);
  for (int i = 0; i < kMany; ++i)
    ASSERT_EQ(heard[static_cast<std::size_t>(i)].second, std::to_string(i));
  EXPECT_EQ(a->bus->stats().sent, kMany);
  EXPECT_EQ(b->bus->stats().received, kMany);
}

TEST_P(BusTest, carries_any_bytes_and_nothing_at_all) {
  auto a = member_in("bytes");
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  all += "\r\n$3\r\n";
  a->bus->publish("bytes", "");
  a->bus->publish("bytes", all);
  ASSERT_TRUE(a->listener.wait_for(all));
  EXPECT_EQ(a->listener.heard().messages.front().second, "");
}

TEST_P(BusTest, carries_the_largest_message_and_drops_what_is_larger) {
  auto a = member_in("large");
  const std::string largest(Bus::kMaxPayload, 'x');
  a->bus->publish("large", largest + "y");
  a->bus->publish("large", largest);
  ASSERT_TRUE(a->listener.wait_for(largest));
  EXPECT_EQ(a->listener.heard().messages.size(), 1);
  EXPECT_EQ(a->bus->stats().dropped, 1);
}

TEST_P(BusTest, says_no_more_of_a_channel_that_was_left) {
  auto a = member_in("one");
  a->bus->join("two");
  ASSERT_TRUE(a->listener.wait_joined("two"));
  a->bus->leave("one");
  a->bus->leave("one");
  a->bus->leave("never joined");
  auto b = member();
  b->bus->publish("two", "before");
  ASSERT_TRUE(a->listener.wait_for("before"));  // so the leaving is done
  b->bus->publish("one", "lost");
  b->bus->publish("two", "after");
  ASSERT_TRUE(a->listener.wait_for("after"));
  EXPECT_EQ(a->listener.heard().count("lost"), 0);
  a->bus->join("one");
  ASSERT_TRUE(a->listener.wait_joined("one", 2));
  b->bus->publish("one", "found");
  EXPECT_TRUE(a->listener.wait_for("found"));
}

TEST_P(BusTest, remembers_what_to_join_while_it_is_down) {
  auto a = member_in("before");
  medium_->go_down();
  ASSERT_TRUE(a->listener.wait_down());
  EXPECT_FALSE(a->bus->stats().up);
  a->bus->join("meanwhile");
  a->bus->join("not any more");
  a->bus->leave("not any more");
  a->bus->publish("before", "lost");
  EXPECT_EQ(a->bus->stats().dropped, 1);
  medium_->come_up();
  ASSERT_TRUE(a->listener.wait_up());
  ASSERT_TRUE(a->listener.wait_joined("before", 2));
  ASSERT_TRUE(a->listener.wait_joined("meanwhile"));
  a->bus->publish("before", "1");
  a->bus->publish("meanwhile", "2");
  EXPECT_TRUE(a->listener.wait_for("1"));
  EXPECT_TRUE(a->listener.wait_for("2"));
  const auto heard = a->listener.heard();
  EXPECT_EQ(heard.count("lost"), 0);
  EXPECT_EQ(heard.times_joined("not any more"), 0);
  EXPECT_EQ(a->bus->stats().reconnections, 1);
}

TEST_P(BusTest, joins_what_was_asked_for_before_it_started) {
  Member early(*medium_);
  early.bus->join("news");
  early.bus->publish("news", "lost");
  early.bus->start(early.listener);
  ASSERT_TRUE(early.listener.wait_up());
  ASSERT_TRUE(early.listener.wait_joined("news"));
  early.bus->publish("news", "heard");
  ASSERT_TRUE(early.listener.wait_for("heard"));
  EXPECT_EQ(early.bus->stats().dropped, 1);
}

TEST_P(BusTest, tells_of_up_and_down_in_pairs_and_is_silent_after_the_stop) {
  auto a = member_in("news");
  auto b = member();
  a->bus->stop();
  const auto heard = a->listener.heard();
  EXPECT_EQ(heard.ups, heard.downs);
  b->bus->publish("news", "late");
  EXPECT_EQ(a->listener.heard().messages.size(), 0);
  a->bus->publish("news", "from the grave");
  EXPECT_EQ(a->bus->stats().dropped, 1);
}

TEST_P(BusTest, takes_calls_from_many_threads) {
  auto a = member_in("news");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto own = "channel-" + std::to_string(t);
      for (int i = 0; i < 200; ++i) {
        a->bus->publish("news", "x");
        if (i % 2 == 0) a->bus->join(own);
        if (i % 2 == 1) a->bus->leave(own);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(a->listener.wait([](const auto& heard) { return heard.count("x") == 800; }));
}

INSTANTIATE_TEST_SUITE_P(
    all, BusTest,
    testing::Values(Kind{"redis", [] { return std::unique_ptr<Medium>(new RedisMedium()); }},
                    Kind{"memory", [] { return std::unique_ptr<Medium>(new MemoryMedium()); }},
                    Kind{"memory_on_a_loop",
                         [] { return std::unique_ptr<Medium>(new PostingMedium()); }}),
    [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace indaba::cluster
