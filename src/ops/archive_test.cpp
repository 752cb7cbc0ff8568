#include "ops/archive.hpp"

#include "base/json.hpp"
#include "db/blocking.hpp"
#include "db/test_backend.hpp"
#include "ops/files.hpp"
#include "stream/event_log.hpp"
#include "stream/sql_store.hpp"

#include <array>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <zlib.h>

namespace indaba::ops {
namespace {

using namespace std::chrono_literals;

class Clocked final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override { return WallTime(Millis(now.load())); }
  [[nodiscard]] MonoTime mono() const override { return clock.mono(); }
  std::atomic<std::int64_t> now{1'768'000'000'000};  // 2026-01-09T23:06:40Z
  SystemClock clock;
};

class ArchiveTest : public testing::TestWithParam<db::Backend> {
 protected:
  ArchiveTest() : place_(GetParam()), database_(place_.open(log_, clock_)) {
    stream_ = make_stream("topic");
    request_.dir = folder_.path() / "archive";
    request_.policy.otherwise = std::chrono::days(30);
  }
  ~ArchiveTest() override { database_->stop(); }

  StreamId make_stream(std::string_view kind) {
    return db::write_blocking(*database_, db::Shard(),
                              [&](db::WriteTx& tx) {
                                return stream::create_stream(tx.sql(), {.kind = kind, .org = {}},
                                                             clock_, random_);
                              })
        .value()
        .value;
  }
  void append(int count, std::string_view body = R"(,"n":1)") {
    const auto done =
        db::write_blocking(*database_, db::Shard(), [&](db::WriteTx& tx) -> Result<void> {
          for (int i = 0; i < count; ++i) tx.append({stream_, "x", std::string(body), {}});
          return {};
        });
    ASSERT_TRUE(done);
  }
  void pass(Millis time) { clock_.now += time.count(); }
  stream::StreamState state() {
    return db::read_blocking(
               *database_,
               [&](db::Session& session) { return stream::read_state(session, stream_); })
        .value();
  }
  ArchiveReport archive() {
    request_.now = clock_.wall();
    auto report = archive_old_events(*database_, request_, nullptr);
    EXPECT_TRUE(report) << report.error().log << report.error().detail;
    return report ? *report : ArchiveReport{};
  }
  // The first `count` events are there again, as they were.
  void restore(int count) {
    const auto done =
        db::write_blocking(*database_, db::Shard(), [&](db::WriteTx& tx) -> Result<void> {
          for (std::int64_t seq = 1; seq <= count; ++seq) {
            INDABA_TRY_VOID(
                tx.sql().execute("INSERT INTO events (stream_id, seq, created_at, type, body) "
                                 "VALUES ($1, $2, $3, 'x', "
                                 "',\"n\":1')",
                                 stream_, seq, to_millis(clock_.wall() - 31 * 24h)));
          }
          return tx.sql().execute("UPDATE streams SET oldest = 1 WHERE id = $1", stream_);
        });
    ASSERT_TRUE(done);
  }
  std::filesystem::path manifest() { return request_.dir / "manifest.jsonl"; }
  std::vector<boost::json::object> named() {
    std::vector<boost::json::object> lines;
    std::ifstream in(manifest());
    for (std::string line; std::getline(in, line);)
      lines.push_back(json::parse(line).value().as_object());
    return lines;
  }
  static std::string unzipped(const std::filesystem::path& file) {
    std::string text;
    auto* in = gzopen(file.c_str(), "rb");
    std::array<char, 4096> piece{};
    for (int n = 0; (n = gzread(in, piece.data(), piece.size())) > 0;)
      text.append(piece.data(), static_cast<std::size_t>(n));
    gzclose(in);
    return text;
  }
  // Every archived seq of the stream, as the manifest names its files, each of which is whole.
  std::multiset<std::int64_t> archived() {
    std::multiset<std::int64_t> seqs;
    for (const auto& line : named()) {
      const auto file = request_.dir / std::string(line.at("file").as_string());
      EXPECT_EQ(sha256_of(file).value(), std::string(line.at("sha256").as_string()));
      std::istringstream text(unzipped(file));
      std::int64_t count = 0;
      for (std::string one; std::getline(text, one); ++count)
        seqs.insert(json::parse(one).value().at("seq").as_int64());
      EXPECT_EQ(count, line.at("events").as_int64());
    }
    return seqs;
  }
  static std::multiset<std::int64_t> up_to(std::int64_t last) {
    std::multiset<std::int64_t> all;
    for (std::int64_t i = 1; i <= last; ++i) all.insert(i);
    return all;
  }

  Clocked clock_;
  SystemRandom random_;
  stream::EventLog log_{clock_};
  db::TestBackend place_;
  std::unique_ptr<db::Database> database_;
  db::TemporaryFolder folder_;
  StreamId stream_;
  ArchiveRequest request_;
};

INSTANTIATE_TEST_SUITE_P(
    Each, ArchiveTest, testing::ValuesIn(db::present({db::Backend::sqlite, db::Backend::postgres})),
    db::backend_name);

TEST_P(ArchiveTest, keeps_whole_days_and_deletes_what_it_kept) {
  append(3);
  pass(24h);
  append(2);
  pass(30 * 24h);
  const auto report = archive();
  EXPECT_EQ(report.events, 3);  // the second day is not over for 30 days
  EXPECT_EQ(report.files, 1);
  EXPECT_EQ(state().oldest, Seq(4));
  ASSERT_EQ(named().size(), 1U);
  const auto line = named()[0];
  EXPECT_EQ(std::string(line.at("file").as_string()),
            fmt::format("2026/01/events-{}-{}-1-3.jsonl.gz", stream_.value, state().epoch));
  EXPECT_EQ(line.at("first_seq"), 1);
  EXPECT_EQ(line.at("last_seq"), 3);
  EXPECT_EQ(line.at("kind"), "topic");
  pass(24h);
  EXPECT_EQ(archive().events, 2);
  EXPECT_EQ(archived(), up_to(5));
  EXPECT_EQ(archive().files, 0);
}

TEST_P(ArchiveTest, many_events_make_several_files) {
  append(2'500);
  pass(31 * 24h);
  const auto report = archive();
  EXPECT_EQ(report.events, 2'500);
  EXPECT_EQ(report.files, 3);
  EXPECT_EQ(archived(), up_to(2'500));
  EXPECT_EQ(state().oldest, Seq(2'501));
}

TEST_P(ArchiveTest, a_run_that_died_before_the_manifest_is_written_again_to_the_same_file) {
  append(10);
  pass(31 * 24h);
  archive();
  const auto file = std::string(named()[0].at("file").as_string());
  // As if it had died there: the file is there, no line names it, and the events are still there.
  std::filesystem::resize_file(manifest(), 0);
  std::ofstream(request_.dir / file) << "half of an older one";
  restore(10);
  archive();
  ASSERT_EQ(named().size(), 1U);
  EXPECT_EQ(std::string(named()[0].at("file").as_string()), file);
  EXPECT_EQ(archived(), up_to(10));
}

TEST_P(ArchiveTest, a_run_that_died_before_it_deleted_does_not_archive_twice) {
  append(10);
  pass(31 * 24h);
  archive();
  restore(10);
  EXPECT_EQ(archive().files, 0);
  EXPECT_EQ(named().size(), 1U);
  EXPECT_EQ(archived(), up_to(10));
  EXPECT_EQ(state().oldest, Seq(11));
}

TEST_P(ArchiveTest, half_a_line_of_the_manifest_is_cut_off) {
  append(10);
  pass(31 * 24h);
  archive();
  std::ofstream(manifest(), std::ios::app) << R"({"file":"2026/01/ev)";
  append(5);
  pass(31 * 24h);
  archive();
  EXPECT_EQ(named().size(), 2U);
  EXPECT_EQ(archived(), up_to(15));
}

TEST_P(ArchiveTest, what_cannot_be_written_is_not_deleted) {
  append(10);
  pass(31 * 24h);
  std::filesystem::create_directories(request_.dir / "2026");
  std::ofstream(request_.dir / "2026" / "01") << "a file where a folder should be";
  request_.now = clock_.wall();
  EXPECT_FALSE(archive_old_events(*database_, request_, nullptr));
  EXPECT_EQ(state().oldest, Seq(1));
  std::filesystem::remove(request_.dir / "2026" / "01");
  EXPECT_EQ(archive().events, 10);
}

TEST_P(ArchiveTest, without_a_folder_old_events_just_go) {
  append(10);
  pass(31 * 24h);
  request_.dir.clear();
  EXPECT_EQ(archive().events, 10);
  EXPECT_EQ(state().oldest, Seq(11));
}

TEST_P(ArchiveTest, stops_between_two_files_when_it_is_asked_to) {
  append(2'500);
  pass(31 * 24h);
  int asked = 0;
  request_.stopping = [&] { return ++asked > 2; };
  EXPECT_EQ(archive().files, 1);
  request_.stopping = {};
  archive();
  EXPECT_EQ(archived(), up_to(2'500));
}

}  // namespace
}  // namespace indaba::ops
