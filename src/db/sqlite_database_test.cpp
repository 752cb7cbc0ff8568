#include "db/sqlite_database.hpp"

#include "db/test_database.hpp"
#include "db/test_executor.hpp"

#include <atomic>
#include <csignal>
#include <fstream>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace indaba::db {
namespace {

using namespace std::chrono_literals;

class SqliteDatabaseTest : public testing::Test {
 protected:
  SqliteDatabaseTest() { options_.file = folder_.path() / "indaba.db"; }

  std::unique_ptr<SqliteDatabase> open() {
    auto opened = SqliteDatabase::open(options_, sequencer_, clock_);
    if (!opened) throw std::runtime_error(opened.error().detail + opened.error().log);
    return *std::move(opened);
  }
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

  TemporaryFolder folder_;
  SystemClock clock_;
  CountingSequencer sequencer_;
  SqliteOptions options_;
};

TEST_F(SqliteDatabaseTest, what_was_written_is_read_also_after_opening_again) {
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

TEST_F(SqliteDatabaseTest, a_coroutine_awaits_a_write_and_then_reads_it_on_its_own_executor) {
  auto database = open();
  TestExecutor executor;
  auto result = run_on(executor, write_then_read(database.get()));
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, 1);
}

TEST_F(SqliteDatabaseTest, parameters_keep_their_numbers_whatever_the_order_of_their_use) {
  auto database = open();
  auto row = read_blocking(*database, [](Session& session) {
    return session.first<std::string>(
        "SELECT $2 || $1 || $2 || ($3 IS NULL) || (length($4) = 0 AND $4 IS NOT NULL)",
        [](const Row& r) { return r.string(0); }, "b", "a", OrgId{}, std::string_view{});
  });
  ASSERT_TRUE(row);
  EXPECT_EQ(**row, "aba11");
}

TEST_F(SqliteDatabaseTest, a_statement_that_runs_inside_its_own_rows_gets_a_statement_of_its_own) {
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

TEST_F(SqliteDatabaseTest, a_reader_cannot_write_and_a_broken_statement_is_internal) {
  auto database = open();
  auto wrote = read_blocking(
      *database, [](Session& s) { return s.execute("INSERT INTO meta VALUES ('a', 'b')"); });
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

TEST_F(SqliteDatabaseTest, a_used_name_is_a_conflict) {
  auto database = open();
  EXPECT_TRUE(put(*database, "a", "1"));
  auto again = put(*database, "a", "2");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::conflict);
}

TEST_F(SqliteDatabaseTest, a_query_that_does_not_end_is_stopped_and_the_reader_serves_on) {
  options_.readers.threads = 1;
  options_.readers.time = 50ms;
  auto database = open();
  auto endless = read_blocking(*database, [](Session& session) {
    return session.execute(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n");
  });
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(count(*database), 0);
}

TEST_F(SqliteDatabaseTest, a_query_that_throws_is_an_internal_error) {
  auto database = open();
  auto thrown =
      read_blocking(*database, [](Session&) -> Result<int> { throw std::runtime_error("oops"); });
  ASSERT_FALSE(thrown);
  EXPECT_EQ(thrown.error().kind, ErrorKind::internal);
}

TEST_F(SqliteDatabaseTest, a_full_queue_answers_unavailable_at_once) {
  options_.writer.queued = 2;
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

TEST_F(SqliteDatabaseTest, stopping_answers_what_waits_and_refuses_what_comes_later) {
  auto database = open();
  std::atomic<int> stored = 0;
  std::vector<std::thread> writers;
  std::atomic<int> answered = 0;
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
  EXPECT_FALSE(std::filesystem::exists(options_.file.string() + "-wal"));
  auto again = open();
  EXPECT_EQ(count(*again), stored);
}

TEST_F(SqliteDatabaseTest, the_wal_stays_bounded_under_load) {
  options_.writer.checkpoint_pages = 50;
  options_.writer.truncate_pages = 400;
  auto database = open();
  std::atomic<bool> reading = true;
  std::thread reader([&] {
    while (reading) count(*database);
  });
  std::uintmax_t largest = 0;
  const std::string value(2000, 'x');
  for (int i = 0; i < 1500; ++i) {
    ASSERT_TRUE(put(*database, std::to_string(i), value));
    largest = std::max(largest, std::filesystem::file_size(options_.file.string() + "-wal"));
  }
  reading = false;
  reader.join();
  EXPECT_LT(largest, 1000U * 4200U);  // 1,500 commits without checkpoints are over 12 MB
}

TEST_F(SqliteDatabaseTest, a_second_process_is_refused_and_told_who_holds_the_folder) {
  auto database = open();
  const auto pid = ::fork();
  if (pid == 0) {
    auto second = SqliteDatabase::open(options_, sequencer_, clock_);
    const auto want = fmt::format("in use by process {}", ::getppid());
    ::_exit(!second && second.error().detail.find(want) != std::string::npos ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(SqliteDatabaseTest, a_waiting_process_takes_over_when_the_first_lets_go) {
  auto first = open();
  std::thread ending([&] {
    std::this_thread::sleep_for(50ms);
    first->stop();
  });
  options_.lock_wait = 5s;
  auto second = open();
  EXPECT_TRUE(put(*second, "a", "1"));
  ending.join();
}

TEST_F(SqliteDatabaseTest, a_file_that_is_no_database_is_refused_with_a_sentence) {
  std::ofstream(options_.file) << std::string(5000, 'x');
  auto opened = SqliteDatabase::open(options_, sequencer_, clock_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("not a database"), std::string::npos)
      << opened.error().detail;
}

TEST_F(SqliteDatabaseTest, the_files_are_readable_by_their_owner_alone) {
  auto database = open();
  put(*database, "a", "1").value();
  for (const auto* suffix : {"", "-wal", "-shm"})
    EXPECT_EQ(std::filesystem::status(options_.file.string() + suffix).permissions() &
                  std::filesystem::perms(0077),
              std::filesystem::perms::none);
}

// The child writes as fast as it can and says through a pipe what was stored; the parent kills it
// in the middle.
TEST_F(SqliteDatabaseTest, what_was_answered_survives_kill_9) {
  for (int round = 0; round < 5; ++round) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const auto pid = ::fork();
    if (pid == 0) {
      auto database = open();
      std::vector<std::thread> writers;
      for (int t = 0; t < 4; ++t)
        writers.emplace_back([&, t] {
          for (int i = 0;; ++i) {
            const auto key = fmt::format("{:02}-{}-{:08}", round, t, i);
            if (put(*database, key, "v") && ::write(pipe[1], key.data(), key.size()) < 0)
              ::_exit(1);
          }
        });
      for (auto& writer : writers) writer.join();
    }
    ::close(pipe[1]);
    std::string acknowledged;
    std::array<char, 4096> chunk{};
    const auto enough = static_cast<std::size_t>(2000 + round * 1500);
    while (acknowledged.size() < enough) {
      const auto n = ::read(pipe[0], chunk.data(), chunk.size());
      ASSERT_GT(n, 0);
      acknowledged.append(chunk.data(), static_cast<std::size_t>(n));
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    for (ssize_t n = 0; (n = ::read(pipe[0], chunk.data(), chunk.size())) > 0;)
      acknowledged.append(chunk.data(), static_cast<std::size_t>(n));
    ::close(pipe[0]);

    auto database = open();
    constexpr std::size_t kKey = 13;
    for (std::size_t at = 0; at + kKey <= acknowledged.size(); at += kKey) {
      const auto key = acknowledged.substr(at, kKey);
      auto found = read_blocking(*database, [&](Session& session) {
        return session.first<int>(
            "SELECT 1 FROM meta WHERE key = $1", [](const Row&) { return 1; }, key);
      });
      ASSERT_TRUE(found && *found) << key;
    }
    auto sound = read_blocking(*database, [](Session& session) {
      return session.first<std::string>("PRAGMA integrity_check",
                                        [](const Row& r) { return r.string(0); });
    });
    EXPECT_EQ(**sound, "ok");
  }
}

TEST_F(SqliteDatabaseTest, a_full_disk_refuses_writes_lets_reads_go_on_and_heals_by_itself) {
  const auto mount_point = folder_.path() / "small";
  std::filesystem::create_directory(mount_point);
  if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=2m") != 0)
    GTEST_SKIP() << "mounting a small file system needs root";
  options_.file = mount_point / "indaba.db";
  {
    auto database = open();
    const std::string value(20'000, 'x');
    int stored = 0;
    Result<Written<std::monostate>> last = Error(ErrorKind::internal);
    for (int i = 0; i < 200 && (last = put(*database, std::to_string(i), value)); ++i) ++stored;
    EXPECT_GT(stored, 10);
    EXPECT_FALSE(last);
    EXPECT_EQ(last.error().kind, ErrorKind::unavailable) << last.error().log;
    EXPECT_EQ(count(*database), stored);
    EXPECT_EQ(::mount("tmpfs", mount_point.c_str(), "tmpfs", MS_REMOUNT, "size=16m"), 0);
    auto healed = put(*database, "healed", value);
    EXPECT_TRUE(healed);
    EXPECT_EQ(count(*database), stored + 1);
  }
  EXPECT_TRUE(SqliteDatabase::open(options_, sequencer_, clock_));
  ::umount2(mount_point.c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace indaba::db
