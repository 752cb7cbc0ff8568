// PgResult: the rows of one statement, whole in memory, in binary form.
#pragma once

#include "db/session.hpp"

#include <libpq-fe.h>
#include <memory>

namespace indaba::db {

struct PgClear {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using PgResult = std::shared_ptr<PGresult>;

[[nodiscard]] inline PgResult own(PGresult* result) {
  return {result, PgClear()};
}

class PgRow final : public Row {
 public:
  PgRow(const PGresult* result, int row) : result_(result), row_(row) {}
  [[nodiscard]] bool is_null(int column) const override {
    return PQgetisnull(result_, row_, column) != 0;
  }
  [[nodiscard]] std::int64_t int64(int column) const override;
  [[nodiscard]] std::string_view text(int column) const override;

 private:
  const PGresult* result_;
  int row_;
};

// An error where a column has a type that Row cannot give: integers, booleans, text and bytes it
// can.
[[nodiscard]] Result<void> check_columns(const PGresult* result, std::string_view sql);
void for_each_row(const PgResult& result, const Session::RowCallback& on_row);

// How many rows an INSERT, UPDATE or DELETE changed; nullopt for other statements.
[[nodiscard]] std::optional<std::int64_t> rows_changed(PGresult* result);

}  // namespace indaba::db
