#include "ops/backup.hpp"

#include "db/migrations.hpp"
#include "db/sqlite_connection.hpp"
#include "ops/files.hpp"

namespace indaba::ops {

namespace {

using db::SqliteConnection;

Error refused(std::string sentence) {
  Error error(ErrorKind::conflict, "backup_refused", std::move(sentence));
  error.log = error.detail;
  return error;
}

// Takes a half-made file away, whatever way the work ends.
class Unfinished {
 public:
  explicit Unfinished(std::filesystem::path file) : file_(std::move(file)) { remove(); }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() { remove(); }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return file_; }

 private:
  void remove() {
    std::error_code ignored;
    for (const auto* suffix : {"", "-wal", "-shm", "-journal"})
      std::filesystem::remove(with_suffix(file_, suffix), ignored);
  }
  std::filesystem::path file_;
};

Result<std::int64_t> count(db::Session& session, std::string_view table) {
  INDABA_TRY(auto there, session.first<int>(
                             "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1",
                             [](const db::Row&) { return 1; }, table));
  if (!there) return 0;
  INDABA_TRY(auto rows, session.first<std::int64_t>(fmt::format("SELECT count(*) FROM {}", table),
                                                    [](const db::Row& r) { return r.int64(0); }));
  return rows.value_or(0);
}

Result<void> check_structure(db::Session& session, const std::filesystem::path& file) {
  INDABA_TRY(const auto found,
             session.first<std::string>("PRAGMA integrity_check(1)",
                                        [](const db::Row& r) { return r.string(0); }));
  if (!found || *found != "ok")
    return refused(fmt::format("{} is damaged: {}.", file.string(), found.value_or("no answer")));
  INDABA_TRY(const auto orphan,
             session.first<std::string>("PRAGMA foreign_key_check",
                                        [](const db::Row& r) { return r.string(0); }));
  if (orphan)
    return refused(fmt::format("{} has rows in {} that point to nothing.", file.string(), *orphan));
  return {};
}

// FILE.sha256, "<hex>  <name>"; empty where there is none.
Result<std::string> noted_checksum(const std::filesystem::path& file) {
  const auto note = with_suffix(file, ".sha256");
  std::error_code ignored;
  if (!std::filesystem::exists(note, ignored)) return std::string();
  INDABA_TRY(auto text, read_small(note));
  text.resize(std::min(text.find(' '), text.size()));
  return text;
}

Result<BackupReport> examine(const std::filesystem::path& file) {
  BackupReport report;
  report.file = file;
  std::error_code failure;
  report.bytes = std::filesystem::file_size(file, failure);
  if (failure)
    return refused(fmt::format("{} cannot be read: {}.", file.string(), failure.message()));
  INDABA_TRY(report.sha256, sha256_of(file));

  INDABA_TRY(auto connection, SqliteConnection::open(file, SqliteConnection::Access::frozen));
  INDABA_TRY_VOID(check_structure(*connection, file));
  INDABA_TRY(const auto schema,
             db::schema_status(*connection, db::compiled_migrations(db::Dialect::sqlite)));
  if (schema.database == 0)
    return refused(fmt::format("{} is a database, but not one of indaba.", file.string()));
  report.schema_version = schema.database;
  INDABA_TRY(report.streams, count(*connection, "streams"));
  INDABA_TRY(report.events, count(*connection, "events"));
  INDABA_TRY(report.users, count(*connection, "users"));
  INDABA_TRY(report.organisations, count(*connection, "orgs"));
  return report;
}

// One moment of the database, compact, and with no journal of its own.
Result<void> copy_moment(const std::filesystem::path& database, const std::filesystem::path& to) {
  INDABA_TRY(auto connection,
             SqliteConnection::open(database, SqliteConnection::Access::read_only));
  // The connection cannot write to its database whatever this says; it forbids the copy, though.
  INDABA_TRY_VOID(connection->script("PRAGMA query_only = OFF"));
  INDABA_TRY_VOID(connection->execute("VACUUM INTO $1", to.string()));
  return sync_file(to);
}

}  // namespace

Result<BackupReport> backup(const std::filesystem::path& database,
                            const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored))
    return refused(fmt::format("{} is there already. Name another file.", file.string()));
  const Unfinished partial(with_suffix(file, ".partial"));
  INDABA_TRY_VOID(write_durably(partial.path(), ""));  // 0600 before the first byte is in it
  if (auto copied = copy_moment(database, partial.path()); !copied) {
    Error error = std::move(copied).error();
    if (error.detail.empty())
      error.detail = fmt::format("The backup to {} failed: {}.", file.string(), error.log);
    return error;
  }
  INDABA_TRY(auto report, examine(partial.path()));
  report.file = file;
  report.checksum_compared = true;
  INDABA_TRY_VOID(write_durably(with_suffix(file, ".sha256"),
                                fmt::format("{}  {}\n", report.sha256, file.filename().string())));
  INDABA_TRY_VOID(rename_durably(partial.path(), file, false));
  return report;
}

Result<BackupReport> verify_backup(const std::filesystem::path& file) {
  std::error_code ignored;
  const auto wal = std::filesystem::file_size(with_suffix(file, "-wal"), ignored);
  if (!ignored && wal > 0)
    return refused(fmt::format(
        "{} is the file of a database in use, not a backup: what was written last is in "
        "its -wal file. Make one with `indaba backup FILE`.",
        file.string()));
  INDABA_TRY(const auto noted, noted_checksum(file));
  INDABA_TRY(auto report, examine(file));
  if (!noted.empty() && noted != report.sha256)
    return refused(
        fmt::format("{} is not the file that was backed up: its checksum differs from {}.sha256.",
                    file.string(), file.string()));
  report.checksum_compared = !noted.empty();
  return report;
}

}  // namespace indaba::ops
