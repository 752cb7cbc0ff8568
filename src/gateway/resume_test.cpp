#include "gateway/resume.hpp"

#include "db/blocking.hpp"
#include "db/test_backend.hpp"
#include "db/test_database.hpp"
#include "db/test_executor.hpp"

#include <gtest/gtest.h>

namespace indaba::gateway {
namespace {

constexpr Millis kTtl{600'000};

class ResumeStoreTest : public testing::Test {
 protected:
  void save_row(std::string_view positions) {
    const auto change = [&](db::WriteTx& tx) {
      return tx.sql().execute(
          "INSERT INTO socket_sessions (user_id, uuid, count, positions, saved_at) VALUES "
          "(7, 'phone', 3, $1, $2)",
          positions, to_millis(clock_.wall()));
    };
    ASSERT_TRUE(db::write_blocking(*database_, db::Shard(), change));
  }
  static Task<bool> flush(ResumeStore& store) {
    auto flushing = store.flush();
    co_await flushing;
    co_return true;
  }
  static Task<bool> withdraw(ResumeStore& store, std::int64_t count) {
    auto withdrawing = store.withdraw(UserId(7), "phone", count);
    co_await withdrawing;
    co_return true;
  }
  std::optional<SavedSession> find() {
    ResumeStore store(*database_, clock_, kTtl, log_);
    return db::run_on(executor_, store.find(UserId(7), "phone"));
  }

  ManualClock clock_;
  SystemClock system_clock_;
  Logger log_ = Logger::null();
  db::CountingSequencer sequencer_;
  db::TestBackend backend_{db::Backend::sqlite};
  std::unique_ptr<db::Database> database_ = backend_.open(sequencer_, system_clock_);
  db::TestExecutor executor_;
};

TEST_F(ResumeStoreTest, brings_back_positions_with_the_ids_of_their_streams) {
  ResumeStore store(*database_, clock_, kTtl, log_);
  const SavedSession saved{UserId(7),
                           "phone",
                           3,
                           {{"orgs/acme/notifications", Seq(42), "e1", StreamId(5), OrgId(1)},
                            {"me", Seq(), "e2", StreamId(6), OrgId()}},
                           {}};
  store.save(saved, ResumeStore::Connection::closed);
  EXPECT_TRUE(db::run_on(executor_, flush(store)));
  const auto found = find();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->count, 3);
  ASSERT_EQ(found->positions.size(), 2U);
  EXPECT_EQ(found->positions[0].stream, "orgs/acme/notifications");
  EXPECT_EQ(found->positions[0].seq, Seq(42));
  EXPECT_EQ(found->positions[0].epoch, "e1");
  EXPECT_EQ(found->positions[0].id, StreamId(5));
  EXPECT_EQ(found->positions[0].org, OrgId(1));
  EXPECT_EQ(found->positions[1].id, StreamId(6));
}

TEST_F(ResumeStoreTest, reads_what_a_version_saved_that_knew_names_alone) {
  save_row(R"([["me",12,"e"],["channels/1",3,"f"]])");
  const auto found = find();
  ASSERT_TRUE(found);
  ASSERT_EQ(found->positions.size(), 2U);
  EXPECT_EQ(found->positions[1].stream, "channels/1");
  EXPECT_EQ(found->positions[1].seq, Seq(3));
  EXPECT_FALSE(found->positions[1].id);
}

TEST_F(ResumeStoreTest, takes_ids_only_where_there_is_one_for_each_position) {
  save_row(R"([["me",12,"e"],["channels/1",3,"f"],{"ids":[[5,1]]}])");
  const auto found = find();
  ASSERT_TRUE(found);
  ASSERT_EQ(found->positions.size(), 2U);
  EXPECT_FALSE(found->positions[0].id);
}

TEST_F(ResumeStoreTest, does_not_know_what_was_withdrawn_until_it_is_saved_again) {
  ResumeStore store(*database_, clock_, kTtl, log_);
  SavedSession session{UserId(7), "phone", 3, {{"me", Seq(5), "e", StreamId(6), OrgId()}}, {}};
  store.save(session, ResumeStore::Connection::closed);
  EXPECT_TRUE(db::run_on(executor_, flush(store)));
  EXPECT_TRUE(db::run_on(executor_, withdraw(store, 4)));
  EXPECT_FALSE(store.remembered(UserId(7), "phone"));
  ASSERT_TRUE(find());
  EXPECT_TRUE(find()->withdrawn);
  clock_.advance(Millis(500));
  session.count = 1;  // its client has begun anew
  session.positions.push_back({"channels/1", Seq(1), "f", StreamId(8), OrgId(1)});
  store.save(session, ResumeStore::Connection::open);
  EXPECT_TRUE(db::run_on(executor_, flush(store)));
  const auto found = find();
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->withdrawn);
  EXPECT_EQ(found->positions.size(), 2U);
}

TEST_F(ResumeStoreTest, a_batch_that_comes_late_does_not_bring_back_what_was_withdrawn) {
  ResumeStore late(*database_, clock_, kTtl, log_);
  late.save({UserId(7), "phone", 3, {{"me", Seq(5), "e", StreamId(6), OrgId()}}, {}},
            ResumeStore::Connection::open);
  ResumeStore store(*database_, clock_, kTtl, log_);
  EXPECT_TRUE(db::run_on(executor_, withdraw(store, 4)));
  EXPECT_TRUE(db::run_on(executor_, flush(late)));
  ASSERT_TRUE(find());
  EXPECT_TRUE(find()->withdrawn);
}

TEST_F(ResumeStoreTest, what_was_saved_after_it_was_withdrawn_is_newer_whatever_its_count) {
  const SavedSession withdrawn{UserId(7), "phone", 40, {}, clock_.wall(), true};
  const SavedSession before{UserId(7), "phone", 50, {}, clock_.wall() - Millis(1)};
  const SavedSession after{UserId(7), "phone", 2, {}, clock_.wall() + Millis(1)};
  EXPECT_FALSE(newer(withdrawn, after)->withdrawn);
  EXPECT_FALSE(newer(after, withdrawn)->withdrawn);
  EXPECT_TRUE(newer(withdrawn, before)->withdrawn);
  EXPECT_TRUE(newer(before, withdrawn)->withdrawn);
}

}  // namespace
}  // namespace indaba::gateway
