// SqliteStatement: one prepared statement, its `$1` parameters resolved to SQLite's own numbering.
//
// SQLite takes `$1` for a *name* and numbers names in the order of their appearance, so the mapping
// is read once, when the statement is prepared.
#pragma once

#include "db/session.hpp"

#include <memory>
#include <span>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace indaba::db {

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const noexcept;
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

struct SqliteStatement {
  StatementHandle handle;
  std::vector<std::size_t> parameter_of;  // SQLite's parameter i + 1 is $(parameter_of[i] + 1)
  bool in_use =
      false;  // a callback may run the same text again: it then gets a statement of its own
};

// The error's `log` names the statement, never a parameter.
[[nodiscard]] Result<SqliteStatement> prepare(sqlite3* db, std::string_view sql, bool keep);
[[nodiscard]] Result<void> bind_all(sqlite3* db, const SqliteStatement& statement,
                                    std::span<const Param> params);

// What SQLite's code means to a caller, as session.hpp says. `sql` for the log.
[[nodiscard]] Error sqlite_error(sqlite3* db, int code, std::string_view sql);
// The disk or the memory failed, not the statement.
[[nodiscard]] bool is_storage_failure(int code) noexcept;

// The current row of a statement.
class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  [[nodiscard]] bool is_null(int column) const override;
  [[nodiscard]] std::int64_t int64(int column) const override;
  [[nodiscard]] std::string_view text(int column) const override;

 private:
  sqlite3_stmt* statement_;
};

}  // namespace indaba::db
