// Session: one connection inside one transaction, as a query sees it. The same SQL text serves
// SQLite and PostgreSQL where it can:
// `$1` parameters, RETURNING, ON CONFLICT.
//
// Lives on a database thread, for the length of one read() or write(). SQLite's statements are
// prepared once a connection and kept by their text, so `sql` should be a constant.
#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace indaba::db {

struct Blob {
  std::string_view bytes;
};

// Which of the two databases a session speaks to, for the few statements that differ.
enum class Dialect : unsigned char { sqlite, postgres };

// Whole columns, for PostgreSQL's unnest($1): many rows by one statement. SQLite knows no arrays
// and refuses them.
struct Integers {
  std::span<const std::int64_t> values;
};
struct Texts {
  std::span<const std::string_view> values;
};
struct Blobs {
  std::span<const std::string_view> values;
};

// A parameter. Text and blobs are views: they must live until the statement has run. A NULL knows
// its type, as far as it can: PostgreSQL does not guess it where nothing tells.
class Param {
 public:
  enum class Type : unsigned char { unknown, integer, real, text, blob };
  using Value = std::variant<std::monostate, std::int64_t, double, std::string_view, Blob, Integers,
                             Texts, Blobs>;

  Param(std::nullopt_t) {}
  Param(std::int64_t v) : value_(v), type_(Type::integer) {}
  Param(int v) : Param(std::int64_t{v}) {}
  Param(bool v) : Param(std::int64_t{v ? 1 : 0}) {}
  Param(double v) : value_(v), type_(Type::real) {}
  Param(std::string_view v) : value_(v), type_(Type::text) {}
  Param(const std::string& v) : Param(std::string_view(v)) {}
  Param(const char* v) : Param(std::string_view(v)) {}
  Param(Blob v) : value_(v), type_(Type::blob) {}
  Param(Seq v) : Param(v.value) {}
  Param(Integers v) : value_(v) {}
  Param(Texts v) : value_(v) {}
  Param(Blobs v) : value_(v) {}
  template <class Tag>
  Param(Id<Tag> v) : type_(Type::integer) {
    if (v) value_ = v.value;  // "none" is NULL
  }
  template <class T>
  Param(const std::optional<T>& v) : type_(Param(T()).type_) {
    if (v) value_ = Param(*v).value_;
  }
  [[nodiscard]] const Value& value() const noexcept { return value_; }
  [[nodiscard]] Type type() const noexcept { return type_; }

 private:
  Value value_;
  Type type_ = Type::unknown;
};

// One row of a result, valid only inside the callback. Columns count from 0.
class Row {
 public:
  virtual ~Row() = default;
  [[nodiscard]] virtual bool is_null(int column) const = 0;
  [[nodiscard]] virtual std::int64_t int64(int column) const = 0;     // NULL reads as 0
  [[nodiscard]] virtual std::string_view text(int column) const = 0;  // NULL reads as ""; blobs too
  [[nodiscard]] bool boolean(int column) const { return int64(column) != 0; }
  [[nodiscard]] std::string string(int column) const { return std::string(text(column)); }
  [[nodiscard]] std::optional<std::int64_t> maybe_int64(int column) const {
    return is_null(column) ? std::nullopt : std::optional(int64(column));
  }
  [[nodiscard]] std::optional<WallTime> maybe_time(int column) const {
    return is_null(column) ? std::nullopt : std::optional(from_millis(int64(column)));
  }
  [[nodiscard]] std::optional<std::string> maybe_string(int column) const {
    return is_null(column) ? std::nullopt : std::optional(string(column));
  }
  template <class IdType>
  [[nodiscard]] IdType id(int column) const {
    return IdType(int64(column));
  }
};

// How a query for one number reads its only column.
[[nodiscard]] inline std::int64_t number_of(const Row& row) {
  return row.int64(0);
}

class Session {
 public:
  using RowCallback = std::function<void(const Row&)>;
  virtual ~Session() = default;

  // Runs one statement and hands each row to `on_row`. A violated UNIQUE constraint is
  // ErrorKind::conflict, a full disk, a busy or lost database is `unavailable`, everything else is
  // `internal`. A change whose statement failed returns that error; where it goes on instead,
  // PostgreSQL runs it again with a savepoint a statement (group_commit.hpp), which is slow.
  virtual Result<void> run(std::string_view sql, std::span<const Param> params,
                           const RowCallback& on_row) = 0;
  // For a change whose answer nobody waits for: PostgreSQL is told together with the next statement
  // or the commit, and an error shows there. What the parameters point to may go at once.
  virtual Result<void> run_later(std::string_view sql, std::span<const Param> params) {
    return run(sql, params, [](const Row&) {});
  }
  [[nodiscard]] virtual Dialect dialect() const { return Dialect::sqlite; }
  // How many rows the last INSERT, UPDATE or DELETE of this session changed.
  [[nodiscard]] virtual std::int64_t changed() const = 0;

  // The three shapes that nearly all code needs:
  // INDABA_TRY_VOID(tx.sql().execute("DELETE FROM tasks WHERE id = $1 AND org_id = $2", id, org));
  template <class... Args>
  Result<void> execute(std::string_view sql, const Args&... args) {
    const std::initializer_list<Param> params{Param(args)...};
    return run(sql, params, [](const Row&) {});
  }
  // auto task = session.first<Task>(sql, [](const Row& r) { return Task{…}; }, id);
  // Result<std::optional<Task>>
  template <class T, class Mapper, class... Args>
  Result<std::optional<T>> first(std::string_view sql, Mapper mapper, const Args&... args) {
    const std::initializer_list<Param> params{Param(args)...};
    std::optional<T> found;
    auto done = run(sql, params, [&](const Row& row) {
      if (!found) found.emplace(mapper(row));
    });
    if (!done) return std::move(done).error();
    return found;
  }
  template <class T, class Mapper, class... Args>
  Result<std::vector<T>> all(std::string_view sql, Mapper mapper, const Args&... args) {
    const std::initializer_list<Param> params{Param(args)...};
    std::vector<T> rows;
    auto done = run(sql, params, [&](const Row& row) { rows.push_back(mapper(row)); });
    if (!done) return std::move(done).error();
    return rows;
  }
};

}  // namespace indaba::db
