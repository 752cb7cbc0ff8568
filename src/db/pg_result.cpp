#include "db/pg_result.hpp"

#include "db/pg_params.hpp"

#include <charconv>
#include <cstring>

namespace indaba::db {

std::int64_t PgRow::int64(int column) const {
  if (is_null(column)) return 0;
  const char* bytes = PQgetvalue(result_, row_, column);
  const int size = PQgetlength(result_, row_, column);
  std::uint64_t value = 0;
  for (int i = 0; i < size && i < 8; ++i)
    value = value << 8U | static_cast<unsigned char>(bytes[i]);
  const auto bits = static_cast<unsigned>(64 - 8 * std::clamp(size, 1, 8));
  return static_cast<std::int64_t>(value << bits) >> bits;  // with its sign
}

std::string_view PgRow::text(int column) const {
  return {PQgetvalue(result_, row_, column),
          static_cast<std::size_t>(PQgetlength(result_, row_, column))};
}

Result<void> check_columns(const PGresult* result, std::string_view sql) {
  for (int column = 0; column < PQnfields(result); ++column) {
    switch (PQftype(result, column)) {
      case pg_type::kBool:
      case pg_type::kBytea:
      case pg_type::kName:
      case pg_type::kInt8:
      case pg_type::kInt2:
      case pg_type::kInt4:
      case pg_type::kText:
      case pg_type::kUnknown:
      case pg_type::kVarchar:
      case pg_type::kVoid:
        break;
      default:
        return Error::internal(fmt::format("column {} is of a type ({}) that is not read, in: {}",
                                           column, PQftype(result, column), sql.substr(0, 200)));
    }
  }
  return {};
}

void for_each_row(const PgResult& result, const Session::RowCallback& on_row) {
  const int rows = PQntuples(result.get());
  for (int row = 0; row < rows; ++row) on_row(PgRow(result.get(), row));
}

std::optional<std::int64_t> rows_changed(PGresult* result) {
  const std::string_view tag(PQcmdStatus(result));
  if (!tag.starts_with("INSERT") && !tag.starts_with("UPDATE") && !tag.starts_with("DELETE"))
    return std::nullopt;
  const std::string_view count(PQcmdTuples(result));
  std::int64_t rows = 0;
  std::from_chars(count.data(), count.data() + count.size(), rows);
  return rows;
}

}  // namespace indaba::db
