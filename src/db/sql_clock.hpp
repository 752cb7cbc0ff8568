// The database's own clock, as an expression: whoever shares a database compares with one clock,
// and not with each other's.
#pragma once

#include "db/session.hpp"

namespace indaba::db {

// Milliseconds since 1970, at this very moment and not at the transaction's beginning.
[[nodiscard]] constexpr std::string_view sql_now(Dialect dialect) noexcept {
  return dialect == Dialect::sqlite
             ? "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
             : "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
}

}  // namespace indaba::db
