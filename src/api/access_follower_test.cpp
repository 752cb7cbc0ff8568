#include "api/access_follower.hpp"

#include "api/access_record.hpp"
#include "stream/hub_fixture.hpp"

#include <gmock/gmock.h>

namespace indaba::api {
namespace {

using stream::ManualExecutor;
using stream::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr StreamId kAccess{9};

class AccessFollowerTest : public testing::Test {
 protected:
  AccessFollowerTest() {
    store_.create(kAccess);
    changes_.share(kAccess, NodeId(1));
    changes_.listen(
        [this](const AccessChange& change) { told_.push_back(to_body({NodeId(), change})); });
  }
  void start() {
    follower_.start(hub_, [this] { ready_ = true; });
    store_.answer_all();
  }
  // As another node, or this one, commits it; lost on the way where nobody calls hear().
  stream::EventPtr record(NodeId node, const AccessChange& change) {
    auto event = *store_.append(kAccess);
    event.type = kAccessEvent;
    event.body = to_body({node, change});
    return store_.replace(kAccess, std::move(event));
  }
  void hear(const stream::EventPtr& event) {
    hub_.on_committed(event);
    executor_.run();
  }
  static std::string about(const AccessChange& change) { return to_body({NodeId(), change}); }

  ManualClock clock_;
  ManualExecutor executor_;
  MemoryStore store_;
  stream::Attached attached_;
  stream::LocalHub hub_{0, executor_, store_, attached_};
  AccessChanges changes_;
  Logger log_ = Logger::null();
  AccessFollower follower_{changes_, clock_, log_};
  std::vector<std::string> told_;
  bool ready_ = false;
};

const MembershipEnded kBenLeft{OrgId(1), UserId(2)};

TEST_F(AccessFollowerTest, tells_what_other_nodes_recorded_and_not_again_what_was_told_here) {
  start();
  EXPECT_TRUE(ready_);
  hear(record(NodeId(2), kBenLeft));
  hear(record(NodeId(1), OrgDeleted{OrgId(3)}));
  EXPECT_THAT(told_, ElementsAre(about(kBenLeft)));
  // A command without a node of its own is nobody's word but the log's.
  hear(record(NodeId(), OrgDeleted{OrgId(3)}));
  EXPECT_THAT(told_, ElementsAre(about(kBenLeft), about(OrgDeleted{OrgId(3)})));
  follower_.stop();
}

TEST_F(AccessFollowerTest, finds_in_the_log_what_was_lost_on_the_way) {
  start();
  record(NodeId(2), kBenLeft);
  EXPECT_THAT(told_, IsEmpty());
  hub_.on_head(kAccess, {"e1", Seq(1)});
  store_.answer_all();
  EXPECT_THAT(told_, ElementsAre(about(kBenLeft)));
  follower_.stop();
}

TEST_F(AccessFollowerTest, is_fresh_as_long_as_the_log_confirms_that_nothing_is_missing) {
  start();
  EXPECT_TRUE(follower_.fresh());
  clock_.advance(AccessFollower::kPatience);
  EXPECT_TRUE(follower_.fresh());
  clock_.advance(Millis(1));
  EXPECT_FALSE(follower_.fresh());
  follower_.looked(clock_.mono() - Millis(100), Seq(0));
  EXPECT_TRUE(follower_.fresh());
  follower_.stop();
}

TEST_F(AccessFollowerTest, is_not_fresh_before_it_has_read_what_the_log_has) {
  start();
  clock_.advance(AccessFollower::kPatience + Millis(1));
  record(NodeId(2), kBenLeft);
  hub_.on_head(kAccess, {"e1", Seq(1)});
  follower_.looked(clock_.mono(), Seq(1));
  EXPECT_FALSE(follower_.fresh());
  store_.answer_all();
  EXPECT_TRUE(follower_.fresh());
  EXPECT_THAT(told_, ElementsAre(about(kBenLeft)));
  follower_.stop();
}

TEST_F(AccessFollowerTest,
       where_the_log_has_forgotten_what_it_missed_everything_is_looked_at_again) {
  start();
  hub_.on_head(kAccess, {"e2", Seq(40), Seq(30)});
  EXPECT_THAT(told_, ElementsAre(about(AccessUnknown{})));
  follower_.stop();
}

}  // namespace
}  // namespace indaba::api
