#include "db/test_backend.hpp"
#include "db/test_executor.hpp"

#include <atomic>

// What every database promises; each test runs on SQLite, on PostgreSQL, and on PostgreSQL through
// PgBouncer in transaction mode.
namespace indaba::db {
namespace {

using namespace std::chrono_literals;

class DatabaseTest : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    if (!backend_.there()) GTEST_SKIP() << "PostgreSQL 15 is not installed";
  }
  std::unique_ptr<Database> open() { return backend_.open(sequencer_, clock_, limits_); }
  static Result<Written<std::monostate>> put(Database& database, std::string key,
                                             std::string value) {
    return write_blocking(database, Shard{}, [&](WriteTx& tx) {
      return tx.sql().execute("INSERT INTO meta (key, value) VALUES ($1, $2)", key, value);
    });
  }
  static std::int64_t count(Database& database) {
    auto found = read_blocking(database, [](Session& session) {
      return session.first<std::int64_t>("SELECT count(*) FROM meta",
                                         [](const Row& r) { return r.int64(0); });
    });
    return found && *found ? **found : -1;
  }
  static std::string value(Database& database, std::string_view key) {
    auto found = read_blocking(database, [&](Session& session) {
      return session.first<std::string>(
          "SELECT value FROM meta WHERE key = $1", [](const Row& r) { return r.string(0); }, key);
    });
    return found && *found ? **found : "none";
  }

  TestBackend backend_{GetParam()};
  SystemClock clock_;
  CountingSequencer sequencer_;
  TestLimits limits_;
};

INSTANTIATE_TEST_SUITE_P(Each, DatabaseTest,
                         testing::Values(Backend::sqlite, Backend::postgres, Backend::pgbouncer),
                         backend_name);

TEST_P(DatabaseTest, what_was_written_is_read_also_after_opening_again) {
  {
    auto database = open();
    EXPECT_GE(database->migrated(), 1);
    EXPECT_TRUE(put(*database, "a", "1"));
    EXPECT_EQ(count(*database), 1);
  }
  auto database = open();
  EXPECT_EQ(database->migrated(), 0);
  EXPECT_EQ(count(*database), 1);
}

Task<Result<std::int64_t>> write_then_read(Database* database) {
  auto change = [](WriteTx& tx) -> Result<int> {
    INDABA_TRY_VOID(tx.sql().execute("INSERT INTO meta (key, value) VALUES ('k', 'v')"));
    tx.append({StreamId(9), "x", "", ""});
    return 7;
  };
  INDABA_CO_TRY(auto written, co_await database->write(Shard(9), change));
  EXPECT_EQ(written.value, 7);
  EXPECT_EQ(written.events.size(), 1U);
  auto query = [](Session& session) -> Result<std::int64_t> {
    INDABA_TRY(auto n, session.first<std::int64_t>("SELECT count(*) FROM meta",
                                                   [](const Row& r) { return r.int64(0); }));
    return *n;
  };
  co_return co_await database->read(query);
}

TEST_P(DatabaseTest, a_coroutine_awaits_a_write_and_then_reads_it_on_its_own_executor) {
  auto database = open();
  TestExecutor executor;
  auto result = run_on(executor, write_then_read(database.get()));
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, 1);
}

TEST_P(DatabaseTest, parameters_keep_their_numbers_whatever_the_order_of_their_use) {
  auto database = open();
  auto row = read_blocking(*database, [](Session& session) {
    return session.first<std::string>(
        "SELECT $2 || $1 || $2 || CASE WHEN $3 IS NULL THEN '1' ELSE '0' END ||"
        " CASE WHEN length($4) = 0 AND $4 IS NOT NULL THEN '1' ELSE '0' END",
        [](const Row& r) { return r.string(0); }, "b", "a", OrgId{}, std::string_view{});
  });
  ASSERT_TRUE(row);
  EXPECT_EQ(**row, "aba11");
}

TEST_P(DatabaseTest, a_statement_that_runs_inside_its_own_rows_gets_a_statement_of_its_own) {
  auto database = open();
  int rows = 0;
  auto done = read_blocking(*database, [&](Session& session) -> Result<void> {
    static constexpr std::string_view kSql = "SELECT 1 UNION ALL SELECT 2";
    return session.run(
        kSql, {}, [&](const Row&) { (void)session.run(kSql, {}, [&](const Row&) { ++rows; }); });
  });
  EXPECT_TRUE(done);
  EXPECT_EQ(rows, 4);
}

TEST_P(DatabaseTest, a_reader_cannot_write_and_a_broken_statement_is_internal) {
  auto database = open();
  auto wrote = read_blocking(*database, [](Session& s) {
    return s.execute("INSERT INTO meta (key, value) VALUES ('a', 'b')");
  });
  EXPECT_FALSE(wrote);
  auto broken =
      read_blocking(*database, [](Session& s) { return s.execute("SELECT nothing FROM nowhere"); });
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::internal);
  auto unnamed = read_blocking(*database, [](Session& s) { return s.execute("SELECT ?", 1); });
  EXPECT_FALSE(unnamed);
  auto missing = read_blocking(*database, [](Session& s) { return s.execute("SELECT $2", 1); });
  EXPECT_FALSE(missing);
}

TEST_P(DatabaseTest, a_used_name_is_a_conflict) {
  auto database = open();
  EXPECT_TRUE(put(*database, "a", "1"));
  auto again = put(*database, "a", "2");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::conflict);
}

TEST_P(DatabaseTest, a_query_that_does_not_end_is_stopped_and_the_reader_serves_on) {
  limits_.readers.threads = 1;
  limits_.readers.time = 50ms;
  auto database = open();
  auto endless = read_blocking(*database, [](Session& session) {
    return session.execute(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n");
  });
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(count(*database), 0);
}

TEST_P(DatabaseTest, a_query_that_throws_is_an_internal_error) {
  auto database = open();
  auto thrown =
      read_blocking(*database, [](Session&) -> Result<int> { throw std::runtime_error("oops"); });
  ASSERT_FALSE(thrown);
  EXPECT_EQ(thrown.error().kind, ErrorKind::internal);
}

TEST_P(DatabaseTest, a_full_queue_answers_unavailable_at_once) {
  limits_.writer.queued = limits_.pg_writer.queued = 2;
  auto database = open();
  std::promise<void> go;
  auto gate = go.get_future().share();
  std::promise<void> inside;
  std::thread holder([&] {
    (void)write_blocking(*database, Shard{}, [&](WriteTx&) -> Result<void> {
      inside.set_value();
      gate.wait();
      return {};
    });
  });
  inside.get_future().wait();
  std::vector<std::thread> waiting;
  for (int i = 0; i < 2; ++i)
    waiting.emplace_back([&, i] { EXPECT_TRUE(put(*database, std::to_string(i), "")); });
  while (database->stats().queued_changes < 2) std::this_thread::yield();
  auto refused = put(*database, "too many", "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_GT(refused.error().retry_after, 0ms);
  go.set_value();
  holder.join();
  for (auto& thread : waiting) thread.join();
}

TEST_P(DatabaseTest, every_kind_of_value_comes_back_as_it_was) {
  auto database = open();
  const std::string bytes("\0\xff\x01", 3);
  struct All {
    std::int64_t low, high;
    bool yes;
    std::string text, blob;
    bool no_text, no_number;
  };
  auto row = read_blocking(*database, [&](Session& session) {
    return session.first<All>(
        "SELECT $1 + 0, $2 + 0, $3 = 1, $4, $5, $6, $7",
        [](const Row& r) {
          return All{r.int64(0),  r.int64(1),   r.boolean(2), r.string(3),
                     r.string(4), r.is_null(5), r.is_null(6)};
        },
        std::numeric_limits<std::int64_t>::min() + 1, std::numeric_limits<std::int64_t>::max(),
        true, "zażółć 🙂", Blob{bytes}, std::optional<std::string>(), UserId{});
  });
  ASSERT_TRUE(row) << row.error().log;
  EXPECT_EQ((*row)->low, std::numeric_limits<std::int64_t>::min() + 1);
  EXPECT_EQ((*row)->high, std::numeric_limits<std::int64_t>::max());
  EXPECT_TRUE((*row)->yes);
  EXPECT_EQ((*row)->text, "zażółć 🙂");
  EXPECT_EQ((*row)->blob, bytes);
  EXPECT_TRUE((*row)->no_text && (*row)->no_number);
}

TEST_P(DatabaseTest, says_how_many_rows_a_change_touched) {
  auto database = open();
  put(*database, "a", "1").value();
  put(*database, "b", "1").value();
  auto counts = write_blocking(*database, Shard{}, [](WriteTx& tx) -> Result<std::string> {
    INDABA_TRY_VOID(tx.sql().execute("UPDATE meta SET value = '2'"));
    std::string said = std::to_string(tx.sql().changed());
    INDABA_TRY_VOID(tx.sql().execute("DELETE FROM meta WHERE key = 'none'"));
    said += std::to_string(tx.sql().changed());
    INDABA_TRY_VOID(
        tx.sql().execute("INSERT INTO meta (key, value) VALUES ('a', '') ON CONFLICT DO NOTHING"));
    return said + std::to_string(tx.sql().changed());
  });
  ASSERT_TRUE(counts) << counts.error().log;
  EXPECT_EQ(counts->value, "200");
}

TEST_P(DatabaseTest, a_change_that_goes_on_after_a_failed_statement_keeps_the_rest_of_what_it_did) {
  auto database = open();
  put(*database, "taken", "1").value();
  auto done = write_blocking(*database, Shard{}, [](WriteTx& tx) -> Result<std::string> {
    INDABA_TRY_VOID(tx.sql().execute("INSERT INTO meta (key, value) VALUES ('before', 'x')"));
    auto refused = tx.sql().execute("INSERT INTO meta (key, value) VALUES ('taken', 'x')");
    INDABA_TRY_VOID(tx.sql().execute("INSERT INTO meta (key, value) VALUES ('after', 'x')"));
    return std::string(refused ? "stored" : refused.error().code_or_slug());
  });
  ASSERT_TRUE(done) << done.error().log;
  EXPECT_EQ(done->value, "conflict");
  EXPECT_EQ(count(*database), 3);
}

TEST_P(DatabaseTest, of_many_changes_only_those_that_fail_are_refused_whatever_group_they_are_in) {
  auto database = open();
  put(*database, "taken", "").value();
  std::atomic<int> stored = 0;
  std::atomic<int> conflicts = 0;
  std::vector<std::thread> writers;
  for (int t = 0; t < 8; ++t)
    writers.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const bool bad = (t + i) % 5 == 0;
        auto done = put(*database, bad ? "taken" : fmt::format("{}-{}", t, i), "");
        if (done) ++stored;
        if (!done && done.error().kind == ErrorKind::conflict) ++conflicts;
      }
    });
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(stored, 160);
  EXPECT_EQ(conflicts, 40);
  EXPECT_EQ(count(*database), 161);
}

TEST_P(DatabaseTest, what_a_change_reads_of_its_shard_holds_until_it_is_stored) {
  auto one = open();
  CountingSequencer other_sequencer;
  auto other = backend_.many_nodes() ? backend_.open(other_sequencer, clock_, limits_) : nullptr;
  put(*one, "n", "0").value();
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t)
    writers.emplace_back([&, t] {
      auto& database = other && t % 2 == 1 ? *other : *one;
      for (int i = 0; i < 25; ++i)
        write_blocking(database, Shard{7}, [](WriteTx& tx) -> Result<void> {
          INDABA_TRY(auto n, tx.sql().first<std::string>("SELECT value FROM meta WHERE key = 'n'",
                                                         [](const Row& r) { return r.string(0); }));
          return tx.sql().execute("UPDATE meta SET value = $1 WHERE key = 'n'",
                                  std::to_string(std::stoi(*n) + 1));
        }).value();
    });
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(value(*one, "n"), "100");
}

TEST_P(DatabaseTest, a_page_of_reads_is_one_moment) {
  auto database = open();
  put(*database, "n", "0").value();
  auto seen = read_blocking(*database, [&](Session& session) -> Result<std::string> {
    const auto read = [&] {
      return session.first<std::string>("SELECT value FROM meta WHERE key = 'n'",
                                        [](const Row& r) { return r.string(0); });
    };
    INDABA_TRY(auto before, read());
    std::thread([&] {
      write_blocking(*database, Shard{}, [](WriteTx& tx) {
        return tx.sql().execute("UPDATE meta SET value = '1' WHERE key = 'n'");
      }).value();
    }).join();
    INDABA_TRY(auto after, read());
    return *before + *after;
  });
  ASSERT_TRUE(seen);
  EXPECT_EQ(*seen, "00");
  EXPECT_EQ(value(*database, "n"), "1");
}

TEST_P(DatabaseTest, events_of_a_change_are_numbered_and_what_follows_them_is_stored_with_it) {
  auto database = open();
  auto written = write_blocking(*database, Shard{}, [](WriteTx& tx) -> Result<void> {
    tx.append({StreamId(1), "first", "", ""});
    tx.when_sequenced([](Session& session, std::span<const Appended> events) {
      return session.execute("INSERT INTO meta (key, value) VALUES ('seq', $1)",
                             std::to_string(events[0].seq.value));
    });
    return {};
  });
  ASSERT_TRUE(written) << written.error().log;
  EXPECT_EQ(value(*database, "seq"), "1");
  database->stop();
  EXPECT_EQ(sequencer_.trace, std::vector<std::string>{"committed first"});
}

TEST_P(DatabaseTest, stopping_answers_all_that_waits_and_refuses_what_comes_later) {
  auto database = open();
  std::atomic<int> stored = 0;
  std::atomic<int> answered = 0;
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t)
    writers.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        if (put(*database, fmt::format("{}-{}", t, i), "")) ++stored;
        ++answered;
      }
    });
  while (answered < 20) std::this_thread::yield();
  database->stop();
  for (auto& writer : writers) writer.join();
  database.reset();
  EXPECT_EQ(count(*open()), stored);
}

}  // namespace
}  // namespace indaba::db
