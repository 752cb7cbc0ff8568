#include "db/pg_error.hpp"

#include <fmt/format.h>

namespace indaba::db {

using namespace std::chrono_literals;

namespace {

std::string_view field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

Error unavailable(std::string sentence) {
  Error error(ErrorKind::unavailable, std::move(sentence));
  error.retry_after = 1s;
  return error;
}

Error sorted(std::string_view state) {
  const auto group = state.substr(0, 2);
  if (state == "23505") return Error(ErrorKind::conflict, "It exists already.");
  // A zero character, or bytes that are no UTF-8. SQLite keeps them; this one does not.
  if (state == "22021" || state == "22P05")
    return Error(ErrorKind::invalid, "A text holds a character that cannot be stored.");
  if (state == "57014") return unavailable("The query took too long.");
  if (group == "40" || state == "55P03") return unavailable("The database is busy.");
  if (state == "25006") return unavailable("The database cannot be written now.");
  if (group == "53") return unavailable("The database has no room for this now.");
  if (state == "25P02") return unavailable("The transaction was rolled back.");
  if (group == "08" || group == "57" || group == "58")
    return unavailable("The database cannot be reached.");
  return Error(ErrorKind::internal);
}

}  // namespace

PgFailure pg_failure(const PGresult* result, std::string_view sql) {
  const auto state = field(result, PG_DIAG_SQLSTATE);
  const auto severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  PgFailure failure{sorted(state)};
  // The primary message names tables and constraints; the detail would hold values.
  failure.error.log = fmt::format("postgres error {} {} in: {}", state,
                                  field(result, PG_DIAG_MESSAGE_PRIMARY), sql.substr(0, 200));
  failure.another_try = state.starts_with("40");
  failure.connection_over = severity == "FATAL" || severity == "PANIC" || state.starts_with("08");
  failure.read_only = state == "25006";
  return failure;
}

Error pg_unreachable(std::string why) {
  auto error = unavailable("The database cannot be reached.");
  while (!why.empty() && (why.back() == '\n' || why.back() == ' ')) why.pop_back();
  error.log = fmt::format("postgres: {}", why);
  return error;
}

}  // namespace indaba::db
