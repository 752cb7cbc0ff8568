#include "cluster/leader.hpp"

#include "db/blocking.hpp"
#include "db/test_backend.hpp"
#include "db/test_executor.hpp"

#include <future>
#include <gtest/gtest.h>

namespace indaba::cluster {
namespace {

using namespace std::chrono_literals;
using db::Backend;

class LeaderTest : public testing::TestWithParam<Backend> {
 protected:
  LeaderTest() : place_(GetParam()) {
    if (place_.there()) database_ = place_.open(sequencer_, clock_);
  }
  ~LeaderTest() override {
    if (database_) database_->stop();
  }
  void SetUp() override {
    if (!database_) GTEST_SKIP() << "PostgreSQL is not installed";
  }

  struct Node {
    Node(db::Database& database, const Clock& clock, Random& random)
        : leader(database, "test", clock, random) {}
    void start() {
      executor.post([this] {
        leader.start(executor, [this](bool leads) {
          ++changes;
          now = leads;
        });
      });
    }
    void stop() {
      std::promise<void> done;
      executor.post([&] {
        leader.stop();
        done.set_value();
      });
      done.get_future().wait();
    }
    bool wait(bool leads, std::chrono::milliseconds within = 10s) const {
      const auto until = std::chrono::steady_clock::now() + within;
      while (now != leads && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(5ms);
      return now == leads;
    }
    std::atomic<bool> now{false};
    std::atomic<int> changes{0};
    Leader leader;
    db::TestExecutor executor;
  };
  std::unique_ptr<Node> node() {
    auto one = std::make_unique<Node>(*database_, clock_, random_);
    one->start();
    return one;
  }
  // Whether a change that asks is let through.
  bool may_write(const Node& node) {
    auto change = [fence = node.leader.fence()](db::WriteTx& tx) { return fence(tx.sql()); };
    auto written = db::write_blocking(*database_, db::Shard(7), change);
    EXPECT_TRUE(written || written.error().code == "not_leader");
    return written.has_value();
  }

  SystemClock clock_;
  SystemRandom random_;
  db::CountingSequencer sequencer_;
  db::TestBackend place_;
  std::unique_ptr<db::Database> database_;
};

TEST_P(LeaderTest, one_of_several_leads_and_goes_on_doing_so) {
  auto first = node();
  ASSERT_TRUE(first->wait(true));
  auto second = node();
  std::this_thread::sleep_for(5s);
  EXPECT_TRUE(first->leader.leading());
  EXPECT_FALSE(second->leader.leading());
  EXPECT_EQ(first->changes, 1);
  EXPECT_EQ(second->changes, 0);
  EXPECT_TRUE(may_write(*first));
  EXPECT_FALSE(may_write(*second));
  first->stop();
  second->stop();
}

TEST_P(LeaderTest, another_takes_over_when_the_leader_is_gone) {
  auto first = node();
  ASSERT_TRUE(first->wait(true));
  auto second = node();
  first->stop();
  EXPECT_FALSE(first->leader.leading());
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(second->wait(true));
  EXPECT_GT(std::chrono::steady_clock::now() - began, 2s);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 9s);
  EXPECT_FALSE(may_write(*first));
  EXPECT_TRUE(may_write(*second));
  EXPECT_EQ(first->leader.term(), 1);
  EXPECT_EQ(second->leader.term(), 2);
  second->stop();
}

TEST_P(LeaderTest, a_leader_that_resigns_is_followed_at_the_next_try) {
  auto first = node();
  ASSERT_TRUE(first->wait(true));
  first->stop();
  EXPECT_TRUE(first->leader.resign_blocking(5s));
  EXPECT_FALSE(may_write(*first));
  auto second = node();
  ASSERT_TRUE(second->wait(true, 1s));
  second->stop();
}

TEST_P(LeaderTest, who_resigns_waits_no_longer_than_it_may) {
  auto first = node();
  ASSERT_TRUE(first->wait(true));
  first->stop();
  std::promise<void> free;
  std::thread busy([&, held = free.get_future().share()] {
    auto change = [held](db::WriteTx&) -> Result<void> {
      held.wait();
      return {};
    };
    static_cast<void>(db::write_blocking(*database_, db::Shard(0), change));
  });
  std::this_thread::sleep_for(100ms);  // until the writer is held up
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(first->leader.resign_blocking(200ms));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  first.reset();  // what was not waited for needs nothing of it
  free.set_value();
  busy.join();
}

INSTANTIATE_TEST_SUITE_P(databases, LeaderTest,
                         testing::Values(Backend::sqlite, Backend::pgbouncer), db::backend_name);

}  // namespace
}  // namespace indaba::cluster
