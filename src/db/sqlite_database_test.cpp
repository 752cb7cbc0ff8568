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
  options_.keep_waiting = [until = std::chrono::steady_clock::now() + 5s] {
    return std::chrono::steady_clock::now() < until;
  };
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
