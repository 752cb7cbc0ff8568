// Both channel layers against a real Redis, with what channels_redis writes to it.
#include "cluster/channels_core.hpp"
#include "cluster/channels_pubsub.hpp"
#include "cluster/channels_wire.hpp"

#include "base/msgpack.hpp"
#include "base/text.hpp"
#include "cluster/loop_thread.hpp"
#include "cluster/test_redis.hpp"

#include <boost/json/serialize.hpp>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::cluster {
namespace {

using testing::ElementsAre;

// group_send() of channels_redis 4.0: the message, and the list of channels behind it.
constexpr std::string_view kPacked = "82a474797065a46e6f7465a16e07";  // {"type":"note","n":7}

std::string packed(std::string_view channel) {
  auto bytes = *text::from_hex(kPacked);
  bytes[0] = '\x83';
  return "0123456789ab" + bytes + "\xb0__asgi_channel__\x91" +
         msgpack::encode(boost::json::value(channel));
}

TEST(ChannelsWire, names_keys_as_channels_redis_does) {
  EXPECT_EQ(channels::pubsub_prefix("asgi"), "asgi__group__");
  EXPECT_EQ(channels::group_key("asgi", "org-1"), "asgi:group:org-1");
  EXPECT_EQ(channels::inbox_key("asgi", "specific.09ca!8bfc"), "asgispecific.09ca!");
  EXPECT_EQ(channels::inbox_key("asgi", "celery"), "asgicelery");
  EXPECT_TRUE(channels::is_group_name("Org-1_a.b"));
  EXPECT_FALSE(channels::is_group_name(""));
  EXPECT_FALSE(channels::is_group_name("a b"));
  EXPECT_FALSE(channels::is_group_name(std::string(100, 'a')));
}

TEST(ChannelsWire, takes_a_message_apart) {
  const auto message = channels::unpack(std::string_view(packed("specific.a!b")).substr(12));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type, "note");
  EXPECT_EQ(boost::json::serialize(message->members), R"({"n":7})");
  EXPECT_THAT(message->channels, ElementsAre("specific.a!b"));
  EXPECT_FALSE(channels::unpack("\x93\x01\x02\x03"));
  EXPECT_FALSE(channels::unpack("\x80"));
  EXPECT_FALSE(channels::unpack(*text::from_hex("81a47479706501")));
}

class ChannelsTest : public testing::Test, protected ChannelLayerListener {
 protected:
  void SetUp() override {
    if (!TestRedis::installed()) GTEST_SKIP() << "redis-server is not installed";
    thread_.start();
  }
  void TearDown() override {
    if (layer_) on_loop([&] { layer_->stop(); });
    thread_.stop();
  }
  void on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    thread_.loop().post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  ChannelLayerListener& listener() { return *this; }
  void start_core(bool receiving = true) {
    make_core();
    on_loop([&] {
      layer_->start(listener());
      const std::vector<std::string> groups{"org-1"};
      layer_->follow(groups);
      layer_->set_receiving(receiving);
    });
    ASSERT_TRUE(eventually([&] { return !receiving || !channel().empty(); }));
  }
  void make_core() {
    layer_ = std::make_unique<CoreLayer>(
        thread_.loop(), target_,
        CoreLayerOptions{
            .prefix = "asgi", .secret = "s", .capacity = capacity_, .most_groups = most_groups_},
        clock_, random_, log_);
  }
  void restart_core() {
    on_loop([&] { layer_->stop(); });
    layer_.reset();
    start_core();
  }
  static bool eventually(const std::function<bool()>& what) {
    for (int i = 0; i < 2000; ++i) {
      if (what()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  std::string channel() { return redis_.ask({"ZRANGE", "asgi:group:org-1", "0", "-1"}); }
  std::string inbox() { return channels::inbox_key("asgi", channel()); }
  std::vector<std::string> heard(std::size_t count) {
    eventually([&] {
      const std::scoped_lock lock(mutex_);
      return heard_.size() >= count;
    });
    const std::scoped_lock lock(mutex_);
    return heard_;
  }

  std::int64_t capacity_ = 3;
  std::size_t most_groups_ = CoreLayerOptions().most_groups;
  std::atomic<bool> finish_{true};
  std::atomic<int> unreadable_{0};
  SystemClock clock_;
  SystemRandom random_;
  Logger log_ = Logger::null();
  TestRedis redis_;
  const RedisTarget target_ = *RedisTarget::parse(redis_.url());
  LoopThread thread_{clock_};
  std::unique_ptr<ChannelLayer> layer_;

 private:
  void on_group_message(GroupMessage message) override {
    if (finish_ && message.done) message.done();
    const std::scoped_lock lock(mutex_);
    heard_.push_back(message.group + " " + message.type + " " +
                     boost::json::serialize(message.members));
  }
  void on_unreadable(const std::string&) override { ++unreadable_; }

  std::mutex mutex_;
  std::vector<std::string> heard_;
};

TEST_F(ChannelsTest, core_joins_groups_and_empties_its_inbox) {
  start_core();
  EXPECT_THAT(channel(), testing::MatchesRegex("specific\\.[0-9a-f]+![0-9a-f]+"));
  redis_.ask({"ZADD", inbox(), "1", packed(channel())});
  redis_.ask({"ZADD", inbox(), "2", "0123456789ab\xc1"});
  redis_.ask({"ZADD", inbox(), "3", packed(inbox() + "of another group")});
  EXPECT_THAT(heard(1), ElementsAre(R"(org-1 note {"n":7})"));
  EXPECT_TRUE(eventually([&] { return unreadable_ == 2; }));
  EXPECT_TRUE(eventually([&] { return redis_.ask({"EXISTS", inbox() + "$inflight"}) == "0"; }));
}

TEST_F(ChannelsTest, core_hands_over_again_what_was_not_finished) {
  start_core();
  finish_ = false;
  redis_.ask({"ZADD", inbox(), "1", packed(channel())});
  ASSERT_EQ(heard(1).size(), 1);
  ASSERT_TRUE(eventually([&] { return redis_.ask({"ZCARD", inbox() + "$inflight"}) == "1"; }));
  restart_core();  // another node, by the same secret
  finish_ = true;
  EXPECT_EQ(heard(2).size(), 2);
}

TEST_F(ChannelsTest, core_leaves_to_the_next_one_what_comes_when_it_no_longer_leads) {
  start_core();
  redis_.ask({"ZADD", inbox(), "1", packed(channel())});
  ASSERT_EQ(heard(1).size(), 1);
  on_loop([&] { layer_->set_receiving(false); });  // while it waits at the inbox
  const auto message = packed(channel());
  redis_.ask({"ZADD", inbox(), "7", message});
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(redis_.ask({"ZRANGE", inbox(), "0", "-1", "WITHSCORES"}), message + " 7");
  EXPECT_EQ(redis_.ask({"EXISTS", inbox() + "$inflight"}), "0");
  EXPECT_EQ(heard(1).size(), 1);
  on_loop([&] { layer_->set_receiving(true); });
  EXPECT_EQ(heard(2).size(), 2);
}

TEST_F(ChannelsTest, core_joins_anew_when_redis_was_flushed) {
  start_core();
  const auto before = channel();
  redis_.ask({"FLUSHALL"});
  EXPECT_TRUE(eventually([&] { return channel() == before; }));
}

// Redis says how many groups it knows, our marker and inboxes beside them.
std::int64_t keys_of(TestRedis& redis) {
  return std::stoll(redis.ask({"DBSIZE"}));
}

TEST_F(ChannelsTest, core_drops_no_event_while_it_joins_very_many_groups_again) {
  constexpr int kGroups = 25'000;
  capacity_ = 1'000'000;
  start_core();
  redis_.ask({"ZADD", "asgi:group:org-1", std::to_string(std::time(nullptr)), "specific.aa!1"});
  std::vector<std::string> users;
  for (int id = 1; id <= kGroups; ++id) users.push_back("user-" + std::to_string(id));
  std::uint64_t sent = 0;
  const auto send_until = [&](const std::function<bool()>& what) {
    return eventually([&] {
      on_loop([&] { layer_->group_send("org-1", {{"type", "said"}}); });
      ++sent;
      return what();
    });
  };
  on_loop([&] { layer_->follow(users); });
  EXPECT_TRUE(send_until([&] { return keys_of(redis_) > kGroups; }));
  redis_.ask({"FLUSHALL"});
  EXPECT_TRUE(send_until([&] { return keys_of(redis_) > kGroups; }));
  on_loop([&] {
    layer_->set_receiving(false);
    layer_->set_receiving(true);
  });
  for (int i = 0; i < 50; ++i) send_until([] { return true; });
  EXPECT_TRUE(eventually([&] { return layer_->stats().sent == sent; }));
  EXPECT_EQ(layer_->stats().dropped, 0);
  EXPECT_EQ(layer_->stats().groups, kGroups + 1);
}

TEST_F(ChannelsTest, core_hears_of_a_new_group_before_it_has_joined_all_again) {
  start_core();
  std::vector<std::string> users;
  for (int id = 1; id <= 100'000; ++id) users.push_back("user-" + std::to_string(id));
  const std::vector<std::string> fresh{"org-2"};
  on_loop([&] {
    layer_->follow(users);
    layer_->follow(fresh);
  });
  EXPECT_TRUE(eventually([&] { return redis_.ask({"ZCARD", "asgi:group:org-2"}) == "1"; }));
  EXPECT_LT(keys_of(redis_), 50'000);
}

TEST_F(ChannelsTest, core_follows_as_many_groups_as_it_may_and_says_how_many_it_does_not) {
  most_groups_ = 3;
  start_core();
  const std::vector<std::string> groups{"a", "b", "c", "org-1", "d"};
  std::size_t left_out = 0;
  on_loop([&] { left_out = layer_->follow(groups); });
  EXPECT_EQ(left_out, 2);
  EXPECT_EQ(layer_->stats().groups, 3);
}

TEST_F(ChannelsTest, core_sends_in_order_into_each_inbox_once_and_up_to_its_capacity) {
  start_core();
  const auto own = channel();
  for (const auto* name : {"specific.aa!1", "specific.aa!2", "specific.bb!1"})
    redis_.ask({"ZADD", "asgi:group:org-1", std::to_string(std::time(nullptr)), name});
  redis_.ask({"ZADD", "asgi:group:org-1", "5", "specific.of_yesterday!1"});
  on_loop([&] {
    for (int i = 0; i < 4; ++i) layer_->group_send("org-1", {{"type", "said"}, {"n", i}});
  });
  ASSERT_TRUE(eventually([&] { return layer_->stats().sent == 4; }));
  ASSERT_TRUE(eventually([&] { return redis_.ask({"ZCARD", "asgispecific.aa!"}) == "3"; }));
  for (int i = 0; i < 3; ++i) {
    const auto index = std::to_string(i);
    const auto member = redis_.ask({"ZRANGE", "asgispecific.aa!", index, index});
    const auto message = channels::unpack(std::string_view(member).substr(12));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->type, "said");
    EXPECT_EQ(message->members.at("n"), i);
    EXPECT_THAT(message->channels, ElementsAre("specific.aa!1", "specific.aa!2"));
  }
  EXPECT_EQ(redis_.ask({"ZCARD", "asgispecific.bb!"}), "3");
  EXPECT_EQ(redis_.ask({"EXISTS", "asgispecific.of_yesterday!"}), "0");
  EXPECT_LE(std::stoi(redis_.ask({"TTL", "asgispecific.aa!"})), 10);
  EXPECT_TRUE(eventually([&] { return layer_->stats().dropped > 0; }));
  EXPECT_EQ(heard(0).size(), 0);  // nothing of it comes back to us
}

TEST_F(ChannelsTest, pubsub_speaks_on_the_channel_of_the_group) {
  layer_ = std::make_unique<PubSubLayer>(target_, "asgi", std::vector<std::string>{"org-*"}, clock_,
                                         random_, log_);
  on_loop([&] {
    layer_->start(listener());
    const std::vector<std::string> groups{"lobby"};
    layer_->follow(groups);
  });
  ASSERT_TRUE(eventually([&] { return layer_->stats().up; }));
  redis_.ask({"PUBLISH", "asgi__group__org-1", *text::from_hex(kPacked)});
  redis_.ask({"PUBLISH", "asgi__group__user-1", *text::from_hex(kPacked)});
  redis_.ask({"PUBLISH", "asgi__group__org-1", "\xc1"});
  on_loop([&] { layer_->group_send("lobby", {{"type", "said"}}); });
  EXPECT_THAT(heard(2), ElementsAre(R"(org-1 note {"n":7})", "lobby said {}"));
  EXPECT_EQ(unreadable_, 1);
}

}  // namespace
}  // namespace indaba::cluster
