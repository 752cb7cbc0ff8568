#include "db/sqlite_connection.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

namespace indaba::db {

namespace {

// More different texts than this means that somebody builds SQL from values; those run without
// being kept.
constexpr std::size_t kMaxKeptStatements = 512;
constexpr int kBusyTimeoutMs = 5000;
constexpr int kTruncateWaitMs = 250;
constexpr int kStepsBetweenDeadlineChecks = 2000;

Error cannot_open(const std::filesystem::path& file, std::string_view why) {
  Error error(ErrorKind::unavailable, "database_unusable",
              fmt::format("The database {} cannot be opened: {}.", file.string(), why));
  error.log = error.detail;
  return error;
}

// The file holds keys: it is readable by its owner alone, and SQLite gives the WAL the same mode.
Result<void> create_private(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return cannot_open(file, std::strerror(errno));
  ::close(fd);
  return {};
}

// https://www.sqlite.org/uri.html: '%', '?' and '#' mean something in it.
std::string frozen_uri(const std::filesystem::path& file) {
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(file).string()) {
    if (c == '%' || c == '?' || c == '#')
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else
      uri += c;
  }
  return uri + "?immutable=1";
}

}  // namespace

void SqliteConnection::Close::operator()(sqlite3* db) const noexcept {
  sqlite3_close_v2(db);
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::filesystem::path& file,
                                                                 Access access) {
  const bool writes = access == Access::read_write;
  if (writes) {
    INDABA_TRY_VOID(create_private(file));
  }
  sqlite3* raw = nullptr;
  const int flags = (writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX |
                    SQLITE_OPEN_EXRESCODE | (access == Access::frozen ? SQLITE_OPEN_URI : 0);
  const auto name = access == Access::frozen ? frozen_uri(file) : file.string();
  const int code = sqlite3_open_v2(name.c_str(), &raw, flags, nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(raw, access));
  if (code != SQLITE_OK) return cannot_open(file, sqlite3_errstr(code));
  if (auto ready = connection->set_up(); !ready) return cannot_open(file, ready.error().log);
  return connection;
}

Result<void> SqliteConnection::set_up() {
  sqlite3* db = db_.get();
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
  sqlite3_progress_handler(db, kStepsBetweenDeadlineChecks, &on_progress, this);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (access_ != Access::read_write) {
    // The last connection that closes would checkpoint; that is the writer's alone to do.
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return script(
        "PRAGMA query_only = ON; PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 0;"
        "PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY");
  }
  INDABA_TRY_VOID(
      script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
             "PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16000;"
             "PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864"));
  sqlite3_wal_hook(db, &on_wal, this);
  return {};
}

SqliteConnection::~SqliteConnection() {
  statements_.clear();
}

int SqliteConnection::on_progress(void* self) {
  const auto& deadline = static_cast<SqliteConnection*>(self)->deadline_;
  return deadline && std::chrono::steady_clock::now() > *deadline ? 1 : 0;
}

int SqliteConnection::on_wal(void* self, sqlite3*, const char*, int pages) {
  static_cast<SqliteConnection*>(self)->wal_pages_ = pages;
  return SQLITE_OK;
}

Error SqliteConnection::failed(int code, std::string_view sql) {
  if (is_storage_failure(code)) storage_failed_ = true;
  return sqlite_error(db_.get(), code, sql);
}

// A statement while it runs: reset when the run ends, also by an exception from the row callback.
struct SqliteConnection::Lease {
  SqliteStatement* statement = nullptr;
  SqliteStatement own;  // where it is not a kept one

  explicit Lease(SqliteStatement* kept) : statement(kept) { statement->in_use = true; }
  explicit Lease(SqliteStatement mine) : own(std::move(mine)) { statement = &own; }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    sqlite3_reset(statement->handle.get());
    sqlite3_clear_bindings(statement->handle.get());
    statement->in_use = false;
  }
};

Result<void> SqliteConnection::run(std::string_view sql, std::span<const Param> params,
                                   const RowCallback& on_row) {
  if (in_transaction_ && sqlite3_get_autocommit(db_.get()) != 0) {
    // SQLite rolled back by itself after an error. What ran now would be committed alone.
    storage_failed_ = true;
    return Error(ErrorKind::unavailable, "The transaction was rolled back.");
  }
  auto found = statements_.find(sql);
  const bool keep = found == statements_.end() && statements_.size() < kMaxKeptStatements;
  if (found == statements_.end() || found->second.in_use) {
    auto prepared = prepare(db_.get(), sql, keep);
    if (!prepared) {
      if (is_storage_failure(sqlite3_errcode(db_.get()))) storage_failed_ = true;
      return std::move(prepared).error();
    }
    if (!keep) {
      Lease lease(*std::move(prepared));
      INDABA_TRY_VOID(bind_all(db_.get(), *lease.statement, params));
      return step_all(*lease.statement, sql, on_row);
    }
    found = statements_.emplace(std::string(sql), *std::move(prepared)).first;
  }
  Lease lease(&found->second);
  INDABA_TRY_VOID(bind_all(db_.get(), *lease.statement, params));
  return step_all(*lease.statement, sql, on_row);
}

Result<void> SqliteConnection::step_all(SqliteStatement& statement, std::string_view sql,
                                        const RowCallback& on_row) {
  const SqliteRow row(statement.handle.get());
  for (;;) {
    const int code = sqlite3_step(statement.handle.get());
    if (code == SQLITE_ROW)
      on_row(row);
    else if (code == SQLITE_DONE)
      return {};
    else
      return failed(code, sql);
  }
}

Result<void> SqliteConnection::script(const std::string& sql) {
  const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failed(code, sql);
  return {};
}

std::int64_t SqliteConnection::changed() const {
  return sqlite3_changes64(db_.get());
}

std::int64_t SqliteConnection::writes() const {
  return sqlite3_total_changes64(db_.get());
}

Result<void> SqliteConnection::begin() {
  storage_failed_ = false;
  INDABA_TRY_VOID(script(access_ == Access::read_write ? "BEGIN IMMEDIATE" : "BEGIN"));
  in_transaction_ = true;
  return {};
}

CommitOutcome SqliteConnection::commit(Error& why) {
  if (sqlite3_get_autocommit(db_.get()) != 0) {
    in_transaction_ = false;
    why = Error(ErrorKind::unavailable, "The transaction was rolled back.");
    return CommitOutcome::rolled_back;
  }
  const int code = sqlite3_exec(db_.get(), "COMMIT", nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) {
    in_transaction_ = false;
    return CommitOutcome::committed;
  }
  const int system_error = sqlite3_system_errno(db_.get());
  why = failed(code, "COMMIT");
  // Only where the disk refused bytes for want of room is it certain that the commit record is not
  // there. After any other I/O error (a failed fsync above all) it may be, now or after the next
  // start.
  const bool no_room = (code & 0xff) == SQLITE_FULL || system_error == ENOSPC ||
                       system_error == EDQUOT || system_error == EFBIG;
  const bool unknown = (code & 0xff) == SQLITE_IOERR && !no_room;
  if (unknown) return CommitOutcome::unknown;
  rollback();
  return CommitOutcome::rolled_back;
}

void SqliteConnection::rollback() {
  in_transaction_ = false;
  if (sqlite3_get_autocommit(db_.get()) == 0)
    sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<void> SqliteConnection::checkpoint(Checkpoint kind) {
  const bool truncate = kind == Checkpoint::truncate;
  if (truncate) sqlite3_busy_timeout(db_.get(), kTruncateWaitMs);
  const int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  const int code = sqlite3_wal_checkpoint_v2(db_.get(), nullptr, mode, nullptr, nullptr);
  if (truncate) sqlite3_busy_timeout(db_.get(), kBusyTimeoutMs);
  if (code != SQLITE_OK) return sqlite_error(db_.get(), code, "checkpoint");
  if (truncate) wal_pages_ = 0;
  return {};
}

}  // namespace indaba::db
