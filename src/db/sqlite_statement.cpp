#include "db/sqlite_statement.hpp"

#include <charconv>
#include <cstring>
#include <sqlite3.h>

namespace indaba::db {

using namespace std::chrono_literals;

void FinalizeStatement::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

bool is_storage_failure(int code) noexcept {
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return true;
    default:
      return false;
  }
}

namespace {

std::string_view what_failed(int code) noexcept {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "The disk is full; nothing was stored.";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "The database is busy.";
    case SQLITE_INTERRUPT:
      return "The query took too long.";
    default:
      return "The database cannot be reached.";
  }
}

}  // namespace

Error sqlite_error(sqlite3* db, int code, std::string_view sql) {
  // The extended code and message belong to the connection's last call, which is the one that
  // failed.
  const int extended = db != nullptr && (sqlite3_errcode(db) & 0xff) == (code & 0xff)
                           ? sqlite3_extended_errcode(db)
                           : code;
  const std::string_view message = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  std::string log =
      fmt::format("sqlite error {}: {} in: {}", extended, message, sql.substr(0, 200));
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: {
      Error error(ErrorKind::conflict, "It exists already.");
      error.log = std::move(log);
      return error;
    }
    default:
      break;
  }
  const int primary = extended & 0xff;
  if (is_storage_failure(extended) || primary == SQLITE_BUSY || primary == SQLITE_LOCKED ||
      primary == SQLITE_INTERRUPT) {
    Error error(ErrorKind::unavailable, std::string(what_failed(extended)));
    error.log = std::move(log);
    error.retry_after = 1s;
    return error;
  }
  return Error::internal(std::move(log));
}

Result<SqliteStatement> prepare(sqlite3* db, std::string_view sql, bool keep) {
  sqlite3_stmt* raw = nullptr;
  const char* rest = nullptr;
  const unsigned flags = keep ? SQLITE_PREPARE_PERSISTENT : 0U;
  const int code =
      sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), flags, &raw, &rest);
  SqliteStatement statement;
  statement.handle.reset(raw);
  if (code != SQLITE_OK) return sqlite_error(db, code, sql);
  if (raw == nullptr) return Error::internal(fmt::format("an empty statement: {}", sql));
  const std::string_view left(rest, static_cast<std::size_t>(sql.data() + sql.size() - rest));
  if (left.find_first_not_of(" \t\r\n;") != std::string_view::npos)
    return Error::internal(fmt::format("more than one statement: {}", sql.substr(0, 200)));

  const int count = sqlite3_bind_parameter_count(raw);
  for (int i = 1; i <= count; ++i) {
    const char* name = sqlite3_bind_parameter_name(raw, i);
    std::size_t number = 0;
    if (name != nullptr && name[0] == '$') {
      std::from_chars(name + 1, name + std::strlen(name), number);
    }
    if (number == 0)
      return Error::internal(fmt::format("parameters are $1, $2, …: {}", sql.substr(0, 200)));
    statement.parameter_of.push_back(number - 1);
  }
  return statement;
}

namespace {

// A view without data is an empty text here, not NULL, which is what SQLite makes of a null
// pointer.
const char* not_null(std::string_view text) noexcept {
  return text.data() == nullptr ? "" : text.data();
}

int bind_one(sqlite3_stmt* statement, int index, const Param::Value& value) {
  struct Visitor {
    sqlite3_stmt* statement;
    int index;
    int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
    int operator()(std::int64_t v) const { return sqlite3_bind_int64(statement, index, v); }
    int operator()(double v) const { return sqlite3_bind_double(statement, index, v); }
    int operator()(std::string_view v) const {
      return sqlite3_bind_text64(statement, index, not_null(v), v.size(), nullptr, SQLITE_UTF8);
    }
    int operator()(Blob v) const {
      return sqlite3_bind_blob64(statement, index, not_null(v.bytes), v.bytes.size(), nullptr);
    }
    int operator()(const Integers&) const { return SQLITE_MISUSE; }
    int operator()(const Texts&) const { return SQLITE_MISUSE; }
    int operator()(const Blobs&) const { return SQLITE_MISUSE; }
  };
  return std::visit(Visitor{statement, index}, value);
}

}  // namespace

Result<void> bind_all(sqlite3* db, const SqliteStatement& statement,
                      std::span<const Param> params) {
  for (std::size_t i = 0; i < statement.parameter_of.size(); ++i) {
    const std::size_t number = statement.parameter_of[i];
    if (number >= params.size())
      return Error::internal(
          fmt::format("${} has no value in: {}", number + 1, sqlite3_sql(statement.handle.get())));
    const int code =
        bind_one(statement.handle.get(), static_cast<int>(i + 1), params[number].value());
    if (code != SQLITE_OK) return sqlite_error(db, code, sqlite3_sql(statement.handle.get()));
  }
  return {};
}

bool SqliteRow::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t SqliteRow::int64(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view SqliteRow::text(int column) const {
  // For text and blobs alike: asking a blob for its text would convert it in place.
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (bytes == nullptr || size <= 0) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

}  // namespace indaba::db
