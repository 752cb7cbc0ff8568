// SqliteConnection: one connection to the embedded database, with its statements kept by their
// text.
//
// Belongs to one database thread. Only a read_write connection writes or checkpoints, and there is
// one of it in the process that holds the lock (SQLite 3.40 can corrupt the WAL where two
// connections write or checkpoint at once). No memory mapping.
#pragma once

#include "db/sqlite_statement.hpp"
#include "db/transactional_session.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <unordered_map>

namespace indaba::db {

class SqliteConnection final : public TransactionalSession {
 public:
  enum class Access : unsigned char {
    read_write,
    read_only,
    frozen,  // a file that nobody changes meanwhile, such as a backup: no lock is taken, nothing is
             // left beside it
  };
  using Deadline = std::chrono::steady_clock::time_point;

  // Opens, and for read_write creates the file (0600). The error's `detail` is a sentence for the
  // operator.
  [[nodiscard]] static Result<std::unique_ptr<SqliteConnection>> open(
      const std::filesystem::path& file, Access access);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  Result<void> run(std::string_view sql, std::span<const Param> params,
                   const RowCallback& on_row) override;
  [[nodiscard]] std::int64_t changed() const override;
  // Several statements without parameters.
  Result<void> script(const std::string& sql);

  Result<void> begin() override;
  CommitOutcome commit(Error& why) override;
  void rollback() override;
  [[nodiscard]] std::int64_t writes() const override;
  [[nodiscard]] bool storage_failed() const override { return storage_failed_; }

  // Statements that run past it fail as `unavailable`. nullopt: no limit.
  void set_deadline(std::optional<Deadline> deadline) noexcept { deadline_ = deadline; }

  // How many pages the WAL held after the last commit of this connection.
  [[nodiscard]] int wal_pages() const noexcept { return wal_pages_; }
  enum class Checkpoint : unsigned char { passive, truncate };
  // Moves the WAL into the database file. truncate waits a quarter of a second for readers, and
  // then empties the WAL file. An error is for the log: nothing is lost by it, and the next one
  // catches up.
  Result<void> checkpoint(Checkpoint kind);

 private:
  struct Close {
    void operator()(sqlite3* db) const noexcept;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  struct Lease;

  SqliteConnection(sqlite3* db, Access access) : db_(db), access_(access) {}
  Result<void> set_up();
  Result<void> step_all(SqliteStatement& statement, std::string_view sql,
                        const RowCallback& on_row);
  Error failed(int code, std::string_view sql);
  static int on_progress(void* self);
  static int on_wal(void* self, sqlite3* db, const char* name, int pages);

  std::unique_ptr<sqlite3, Close> db_;
  Access access_;
  std::unordered_map<std::string, SqliteStatement, TextHash, std::equal_to<>> statements_;
  std::optional<Deadline> deadline_;
  int wal_pages_ = 0;
  bool in_transaction_ = false;
  bool storage_failed_ = false;
};

}  // namespace indaba::db
