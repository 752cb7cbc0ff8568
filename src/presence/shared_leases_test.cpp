#include "cluster/test_nodes.hpp"
#include "presence/leases.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::presence {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr UserId kAnna{7};
constexpr UserId kBen{1'000'000};
constexpr Millis kLinger{15'000};

struct Node {
  Node(cluster::MemoryBroker& broker, std::int64_t id, const Clock& clock, Logger& log)
      : node(broker, id, clock, log), leases(clock, node.cluster) {
    node.cluster.start();
  }
  cluster::TestNode node;
  SharedLeases leases;
};

class SharedLeasesTest : public testing::Test {
 protected:
  ManualClock clock_;
  Logger log_ = Logger::null();
  cluster::MemoryBroker broker_;
  Node one_{broker_, 1, clock_, log_};
  Node two_{broker_, 2, clock_, log_};
};

TEST_F(SharedLeasesTest, who_is_here_is_here_for_the_other_node) {
  one_.leases.renew(std::array{kAnna, kBen}, kLinger);
  EXPECT_THAT(two_.leases.take_changes().begun, IsEmpty());
  one_.leases.tell();
  EXPECT_THAT(two_.leases.take_changes().begun, UnorderedElementsAre(kAnna, kBen));
  EXPECT_THAT(one_.leases.take_changes().begun, UnorderedElementsAre(kAnna, kBen));
}

TEST_F(SharedLeasesTest, a_node_that_dies_takes_nobody_with_it_for_longer_than_the_lease) {
  one_.leases.renew(std::array{kAnna}, kLinger);
  one_.leases.tell();
  (void)two_.leases.take_changes();
  clock_.advance(kLinger - Millis(1));
  EXPECT_THAT(two_.leases.take_changes().ended, IsEmpty());
  clock_.advance(Millis(1));
  EXPECT_THAT(two_.leases.take_changes().ended, ElementsAre(kAnna));
}

TEST_F(SharedLeasesTest, whose_last_device_goes_from_one_node_stays_by_those_on_the_other) {
  one_.leases.renew(std::array{kAnna}, kLinger);
  one_.leases.tell();
  clock_.advance(Millis(10'000));
  two_.leases.renew(std::array{kAnna}, kLinger);
  two_.leases.tell();
  (void)one_.leases.take_changes();
  one_.leases.renew(std::array{kAnna}, Millis(1'000));  // shorter: the other one's still counts
  clock_.advance(Millis(10'000));
  EXPECT_THAT(one_.leases.take_changes().ended, IsEmpty());
  clock_.advance(Millis(5'000));
  EXPECT_THAT(one_.leases.take_changes().ended, ElementsAre(kAnna));
}

TEST_F(SharedLeasesTest, very_many_are_told_in_messages_that_the_bus_takes) {
  std::vector<UserId> many;
  for (std::int64_t id = 1; id <= 120'000; ++id) many.push_back(UserId(id * 1'000'003));
  one_.leases.renew(many, kLinger);
  one_.leases.tell();
  EXPECT_EQ(two_.leases.take_changes().begun.size(), many.size());
}

TEST_F(SharedLeasesTest, a_message_that_cannot_be_is_dropped) {
  for (const std::string_view body : {"", "\xff", "\x05\xff\xff"})
    one_.node.cluster.tell_all(cluster::Topic::leases, body);
  EXPECT_THAT(two_.leases.take_changes().begun, IsEmpty());
}

}  // namespace
}  // namespace indaba::presence
