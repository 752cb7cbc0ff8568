// bench_sqlite: what SQLite alone does with the statements of a durable publication, as the limit
// for Indaba's.
//
// A group is: the stream's row moved to its new head, and for each event one row with a unique key,
// in WAL mode with synchronous=FULL; then COMMIT. No reading, no checks, no answers: one thread
// that does nothing else. The tables have the shape of Indaba's. Prints JSON: rows a second by rows
// a commit, with random keys, and once with keys in order.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include <sqlite3.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kSchema =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA "
    "cache_size = -16000;"
    "CREATE TABLE streams (id integer PRIMARY KEY AUTOINCREMENT, head bigint NOT NULL, last_at "
    "bigint NOT NULL);"
    "CREATE TABLE events (stream_id bigint NOT NULL REFERENCES streams (id) ON DELETE CASCADE, seq "
    "bigint NOT NULL,"
    " created_at bigint NOT NULL, type text NOT NULL, body text NOT NULL, dedupe_key text, "
    "content_hash blob,"
    " PRIMARY KEY (stream_id, seq)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX events_dedupe ON events (stream_id, dedupe_key) WHERE dedupe_key IS NOT "
    "NULL;"
    "INSERT INTO streams (head, last_at) VALUES (0, 0)";
constexpr std::string_view kMoveHead = "UPDATE streams SET head = ?1, last_at = ?2 WHERE id = 1";
constexpr std::string_view kInsert =
    "INSERT INTO events (stream_id, seq, created_at, type, body, dedupe_key, content_hash) VALUES "
    "(1, ?1, ?2, 'tick', ?3, ?4, ?5)";

[[noreturn]] void fail(sqlite3* db, const char* what) {
  std::fprintf(stderr, "bench_sqlite: %s: %s\n", what, db == nullptr ? "" : sqlite3_errmsg(db));
  std::exit(1);
}

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, Close>;
using Statement = std::unique_ptr<sqlite3_stmt, Close>;

// A folder of its own, gone at the end.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "bench-sqlite-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) fail(nullptr, "cannot make a temporary folder");
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file() const { return (path_ / "events.db").string(); }

 private:
  std::filesystem::path path_;
};

class Writer {
 public:
  explicit Writer(const std::string& file) {
    sqlite3* raw = nullptr;
    const int opened = sqlite3_open(file.c_str(), &raw);
    db_.reset(raw);
    if (opened != SQLITE_OK || sqlite3_exec(raw, kSchema, nullptr, nullptr, nullptr) != SQLITE_OK)
      fail(raw, "schema");
    move_ = prepare(kMoveHead);
    insert_ = prepare(kInsert);
    begin_ = prepare("BEGIN IMMEDIATE");
    commit_ = prepare("COMMIT");
  }

  void write(int rows, bool in_order) {
    step(begin_.get());
    for (int i = 0; i < rows; ++i) add(in_order);
    sqlite3_bind_int64(move_.get(), 1, seq_);
    sqlite3_bind_int64(move_.get(), 2, seq_);
    step(move_.get());
    step(commit_.get());
  }

 private:
  Statement prepare(std::string_view sql) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr) !=
        SQLITE_OK)
      fail(db_.get(), "prepare");
    return Statement(raw);
  }

  void add(bool in_order) {
    ++seq_;
    const auto high = in_order ? std::uint64_t{0} : static_cast<std::uint64_t>(random_());
    const auto low =
        in_order ? static_cast<std::uint64_t>(seq_) : static_cast<std::uint64_t>(random_());
    std::array<char, 40> key{};  // as long as a UUID
    const int size =
        std::snprintf(key.data(), key.size(), "%016llx----%016llx",
                      static_cast<unsigned long long>(high), static_cast<unsigned long long>(low));
    sqlite3_bind_int64(insert_.get(), 1, seq_);
    sqlite3_bind_int64(insert_.get(), 2, seq_);
    sqlite3_bind_text(insert_.get(), 3, body_.data(), static_cast<int>(body_.size()),
                      SQLITE_STATIC);
    sqlite3_bind_text(insert_.get(), 4, key.data(), size, SQLITE_STATIC);
    sqlite3_bind_blob(insert_.get(), 5, body_.data(), 16, SQLITE_STATIC);
    step(insert_.get());
  }

  void step(sqlite3_stmt* statement) {
    if (sqlite3_step(statement) != SQLITE_DONE) fail(db_.get(), "step");
    sqlite3_reset(statement);
  }

  Database db_;
  Statement move_, insert_, begin_, commit_;
  std::int64_t seq_ = 0;
  std::mt19937_64 random_{42};
  std::string body_ = std::string(256, 'x');
};

double rows_per_second(int rows_a_commit, bool in_order, double seconds) {
  const Folder folder;
  Writer writer(folder.file());
  const auto began = Clock::now();
  const auto elapsed = [began] {
    return std::chrono::duration<double>(Clock::now() - began).count();
  };
  std::int64_t rows = 0;
  while (elapsed() < seconds) {
    writer.write(rows_a_commit, in_order);
    rows += rows_a_commit;
  }
  return static_cast<double>(rows) / elapsed();
}

}  // namespace

int main(int count, char** words) {
  const double seconds =
      count == 3 && std::string_view(words[1]) == "--seconds" ? std::atof(words[2]) : 5;
  std::printf("{");
  for (const int rows : {1, 64, 512})
    std::printf("\"%d\":{\"rows_per_second\":%.0f},", rows, rows_per_second(rows, false, seconds));
  std::printf("\"64_sequential\":{\"rows_per_second\":%.0f}}\n",
              rows_per_second(64, true, seconds));
  return 0;
}
