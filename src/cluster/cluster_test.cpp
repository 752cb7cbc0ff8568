#include "cluster/cluster.hpp"

#include "cluster/test_nodes.hpp"
#include "cluster/wire.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::cluster {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ClusterTest : public testing::Test {
 protected:
  void start(TestNode& node) {
    node.cluster.listen(Topic::rates, [this](NodeId from, std::string_view body) {
      heard_.push_back(std::to_string(from.value) + " " + std::string(body));
    });
    node.cluster.start();
  }

  ManualClock clock_;
  Logger log_ = Logger::null();
  MemoryBroker broker_;
  TestNode one_{broker_, 1, clock_, log_};
  TestNode two_{broker_, 2, clock_, log_};
  std::vector<std::string> heard_;
};

TEST_F(ClusterTest, nodes_know_each_other_as_soon_as_both_are_there) {
  start(one_);
  EXPECT_TRUE(one_.cluster.up());
  EXPECT_TRUE(one_.cluster.alone());
  start(two_);
  EXPECT_THAT(one_.cluster.others(), ElementsAre(NodeId(2)));
  EXPECT_THAT(two_.cluster.others(), ElementsAre(NodeId(1)));
}

TEST_F(ClusterTest, a_message_reaches_all_others_or_the_one_that_it_is_for_and_never_its_sender) {
  TestNode three(broker_, 3, clock_, log_);
  for (auto* node : {&one_, &two_, &three}) start(*node);
  one_.cluster.tell_all(Topic::rates, "to all");
  EXPECT_THAT(heard_, ElementsAre("1 to all", "1 to all"));
  heard_.clear();
  two_.cluster.tell(NodeId(3), Topic::rates, "to three");
  EXPECT_THAT(heard_, ElementsAre("2 to three"));
}

TEST_F(ClusterTest, a_node_that_is_silent_is_gone_and_one_that_says_goodbye_at_once) {
  start(one_);
  start(two_);
  for (int second = 0; second < 10; ++second) {
    clock_.advance(Cluster::kHello);
    two_.cluster.tick();
    one_.cluster.tick();
  }
  EXPECT_FALSE(one_.cluster.alone());
  broker_.set_up(false);
  for (int second = 0; second < 4; ++second) {
    clock_.advance(Cluster::kHello);
    one_.cluster.tick();
  }
  EXPECT_TRUE(one_.cluster.alone());
  EXPECT_FALSE(one_.cluster.up());
  broker_.set_up(true);
  two_.cluster.tick();
  EXPECT_FALSE(one_.cluster.alone());
  two_.cluster.stop();
  EXPECT_TRUE(one_.cluster.alone());
}

TEST_F(ClusterTest, what_it_cannot_read_is_dropped) {
  start(one_);
  struct Deaf final : BusListener {
    void on_message(std::string_view, std::string_view) override {}
    void on_joined(std::string_view) override {}
    void on_up() override {}
    void on_down() override {}
  } deaf;
  MemoryBus stranger(broker_);
  stranger.start(deaf);
  const auto say = [&](std::uint8_t version, std::int64_t node, std::uint8_t topic) {
    WireWriter out;
    out.byte(version).number(node).byte(topic);
    stranger.publish("all", out.take() + "body");
  };
  stranger.publish("all", "");
  stranger.publish("all", "\xff\xff\xff\xff");
  say(99, 7, 4);  // of another version
  say(1, 0, 4);   // of nobody
  say(1, 7, 99);  // about nothing that we know
  EXPECT_THAT(heard_, IsEmpty());
  EXPECT_TRUE(one_.cluster.alone());
  say(1, 7, static_cast<std::uint8_t>(Topic::rates));
  EXPECT_THAT(heard_, ElementsAre("7 body"));
}

}  // namespace
}  // namespace indaba::cluster
