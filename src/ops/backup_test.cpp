#include "ops/backup.hpp"

#include "db/test_database.hpp"
#include "ops/files.hpp"
#include "stream/event_log.hpp"
#include "stream/sql_store.hpp"

#include <atomic>
#include <fstream>
#include <sys/stat.h>

namespace indaba::ops {
namespace {

class BackupTest : public testing::Test {
 protected:
  BackupTest() {
    options_.file = folder_.path() / "data" / "indaba.db";
    open();
    stream_ = db::write_blocking(*database_, db::Shard{}, [&](db::WriteTx& tx) {
                return stream::create_stream(tx.sql(), {.kind = "topic", .org = OrgId(1)}, clock_,
                                             random_);
              })->value;
  }
  void open() {
    auto opened = db::SqliteDatabase::open(options_, log_, clock_);
    if (!opened) throw std::runtime_error(opened.error().detail);
    database_ = *std::move(opened);
  }
  bool append() {
    return db::write_blocking(*database_, db::Shard{},
                              [&](db::WriteTx& tx) -> Result<void> {
                                tx.append({stream_, "x", ",\"n\":1", ""});
                                return {};
                              })
        .has_value();
  }
  stream::StreamState state() {
    return *db::read_blocking(*database_,
                              [&](db::Session& s) { return stream::read_state(s, stream_); });
  }
  std::vector<std::string> files() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      if (entry.is_regular_file()) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  db::TemporaryFolder folder_;
  SystemClock clock_;
  SystemRandom random_;
  stream::EventLog log_{clock_};
  db::SqliteOptions options_;
  std::unique_ptr<db::SqliteDatabase> database_;
  StreamId stream_;
  std::filesystem::path copy_ = folder_.path() / "copy.db";
};

TEST_F(BackupTest, a_backup_while_writers_write_is_one_moment_and_verifies) {
  std::atomic<bool> writing = true;
  std::atomic<int> stored = 0;
  std::thread writer([&] {
    while (writing)
      if (append()) ++stored;
  });
  while (stored < 100) std::this_thread::yield();
  const int before = stored;
  auto made = backup(options_.file, copy_);
  const int after = stored + 1;
  writing = false;
  writer.join();
  ASSERT_TRUE(made) << made.error().detail << made.error().log;
  EXPECT_GE(made->events, before);
  EXPECT_LE(made->events, after);
  EXPECT_EQ(made->streams, 1);
  auto verified = verify_backup(copy_);
  ASSERT_TRUE(verified) << verified.error().detail;
  EXPECT_TRUE(verified->checksum_compared);
  EXPECT_EQ(verified->events, made->events);
  EXPECT_EQ(files(), (std::vector<std::string>{"copy.db", "copy.db.sha256"}));
  struct stat info{};
  ::stat(copy_.c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(BackupTest, a_restore_brings_back_the_moment_and_starts_new_epochs) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(append());
  const auto old = state();
  ASSERT_TRUE(backup(options_.file, copy_));
  EXPECT_TRUE(append());
  database_.reset();
  auto restored = restore(copy_, options_.file, false, clock_, random_);
  ASSERT_TRUE(restored) << restored.error().detail << restored.error().log;
  EXPECT_EQ(restored->new_epochs, 1);
  open();
  EXPECT_EQ(state().head, Seq(5));
  EXPECT_NE(state().epoch, old.epoch);
  EXPECT_TRUE(append());

  // What stood there before is kept, with all that was in it.
  auto kept = verify_backup(restored->previous_kept);
  ASSERT_TRUE(kept) << kept.error().detail;
  EXPECT_EQ(kept->events, 6);
}

TEST_F(BackupTest, a_restore_is_refused_while_a_server_runs_and_a_dry_run_changes_nothing) {
  ASSERT_TRUE(backup(options_.file, copy_));
  auto refused = restore(copy_, options_.file, false, clock_, random_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("in use by process"), std::string::npos)
      << refused.error().detail;
  const auto epoch = state().epoch;
  database_.reset();
  EXPECT_TRUE(restore(copy_, options_.file, true, clock_, random_));
  open();
  EXPECT_EQ(state().epoch, epoch);
}

TEST_F(BackupTest, a_restore_into_an_empty_folder_is_a_new_home) {
  EXPECT_TRUE(append());
  ASSERT_TRUE(backup(options_.file, copy_));
  database_.reset();
  options_.file = folder_.path() / "other" / "indaba.db";
  EXPECT_TRUE(restore(copy_, options_.file, true, clock_, random_));
  EXPECT_FALSE(std::filesystem::exists(options_.file.parent_path()));
  auto restored = restore(copy_, options_.file, false, clock_, random_);
  ASSERT_TRUE(restored);
  EXPECT_TRUE(restored->previous_kept.empty());
  open();
  EXPECT_EQ(state().head, Seq(1));
}

TEST_F(BackupTest, a_restore_over_a_damaged_database_keeps_its_files_and_never_mixes_them) {
  EXPECT_TRUE(append());
  ASSERT_TRUE(backup(options_.file, copy_));
  database_.reset();
  std::ofstream(options_.file) << std::string(8192, 'x');
  std::ofstream(options_.file.string() + "-wal") << "left over";
  auto restored = restore(copy_, options_.file, false, clock_, random_);
  ASSERT_TRUE(restored) << restored.error().detail;
  EXPECT_TRUE(std::filesystem::exists(restored->previous_kept));
  EXPECT_TRUE(std::filesystem::exists(restored->previous_kept.string() + "-wal"));
  open();
  EXPECT_EQ(state().head, Seq(1));
}

TEST_F(BackupTest, a_changed_byte_is_found_by_the_checksum) {
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(append());
  ASSERT_TRUE(backup(options_.file, copy_));
  std::string bytes;
  {
    std::ifstream in(copy_, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto at = bytes.find("\"n\":1");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 4] = '2';
  std::ofstream(copy_, std::ios::binary) << bytes;
  auto verified = verify_backup(copy_);
  ASSERT_FALSE(verified);
  EXPECT_NE(verified.error().detail.find("checksum"), std::string::npos);
  EXPECT_FALSE(restore(copy_, folder_.path() / "other" / "indaba.db", false, clock_, random_));
}

TEST_F(BackupTest, what_is_no_backup_is_refused_with_a_sentence) {
  EXPECT_FALSE(verify_backup(folder_.path() / "missing"));
  std::ofstream(folder_.path() / "text") << std::string(5000, 'x');
  EXPECT_FALSE(verify_backup(folder_.path() / "text"));
  auto running = verify_backup(options_.file);
  ASSERT_FALSE(running);
  EXPECT_NE(running.error().detail.find("-wal"), std::string::npos) << running.error().detail;
  std::ofstream(copy_) << "";
  auto existing = backup(options_.file, copy_);
  ASSERT_FALSE(existing);
  EXPECT_NE(existing.error().detail.find("there already"), std::string::npos);
}

TEST_F(BackupTest, a_backup_that_fails_leaves_nothing_behind) {
  auto failed = backup(folder_.path() / "no such database", copy_);
  EXPECT_FALSE(failed);
  EXPECT_TRUE(files().empty());
}

}  // namespace
}  // namespace indaba::ops
