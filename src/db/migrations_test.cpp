#include "db/migrations.hpp"

#include "db/test_database.hpp"

namespace indaba::db {
namespace {

class MigrationsTest : public testing::Test {
 protected:
  MigrationsTest()
      : connection_(*SqliteConnection::open(folder_.path() / "test.db",
                                            SqliteConnection::Access::read_write)) {}
  Result<int> up(const std::vector<Migration>& known) {
    return migrate_up(
        *connection_, [this](const std::string& sql) { return connection_->script(sql); }, known,
        clock_);
  }

  TemporaryFolder folder_;
  ManualClock clock_;
  std::unique_ptr<SqliteConnection> connection_;
  const Migration one_{1, "one", "CREATE TABLE a (x int); CREATE TABLE b (x int);"};
  const Migration two_{2, "two", "ALTER TABLE a ADD COLUMN y int;"};
};

TEST_F(MigrationsTest, are_applied_once_and_in_order) {
  EXPECT_EQ(up({one_}).value(), 1);
  EXPECT_EQ(up({one_, two_}).value(), 1);
  EXPECT_EQ(up({one_, two_}).value(), 0);
  auto status = schema_status(*connection_, std::vector{one_, two_});
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->current());
  EXPECT_EQ(status->migrations[0].applied_at, to_rfc3339(clock_.wall()));
}

TEST_F(MigrationsTest, status_shows_what_is_pending_and_changes_nothing) {
  EXPECT_EQ(schema_status(*connection_, std::vector{one_})->database, 0);
  EXPECT_EQ(up({one_}).value(), 1);
  auto status = schema_status(*connection_, std::vector{one_, two_});
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->current());
  EXPECT_EQ(status->migrations[1].applied_at, "");
}

TEST_F(MigrationsTest, a_newer_database_is_refused_with_both_numbers) {
  EXPECT_EQ(up({one_, two_}).value(), 2);
  auto refused = up({one_});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("schema version 2 (two), this program knows up to 1"),
            std::string::npos)
      << refused.error().detail;
}

TEST_F(MigrationsTest, a_file_that_changed_after_it_was_applied_is_refused) {
  EXPECT_EQ(up({one_}).value(), 1);
  auto refused = up({{1, "one", "CREATE TABLE other (x int)"}, two_});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("another build"), std::string::npos);
}

TEST_F(MigrationsTest, one_that_fails_half_way_leaves_nothing_behind) {
  const Migration broken{2, "broken", "CREATE TABLE c (x int); CREATE TABLE c (x int);"};
  EXPECT_FALSE(up({one_, broken}));
  EXPECT_EQ(up({one_, two_}).value(), 1);
  EXPECT_FALSE(connection_->script("SELECT * FROM c"));
}

TEST_F(MigrationsTest, the_compiled_ones_apply_to_an_empty_database) {
  const auto known = compiled_migrations(Dialect::sqlite);
  ASSERT_FALSE(known.empty());
  EXPECT_EQ(known.front().name, "streams");
  EXPECT_EQ(up(known).value(), static_cast<int>(known.size()));
}

}  // namespace
}  // namespace indaba::db
