// What PostgreSQL's errors mean here (https://www.postgresql.org/docs/15/errcodes-appendix.html).
#pragma once

#include "base/result.hpp"

#include <libpq-fe.h>

namespace indaba::db {

struct PgFailure {
  Error error;
  bool another_try = false;      // a deadlock or the like: run the transaction again
  bool connection_over = false;  // the server ended it, or is going down
  bool late = false;             // no answer came in time: the next try would wait as long again
  bool read_only = false;        // it has become a standby, or the transaction was not to write
};

[[nodiscard]] PgFailure pg_failure(const PGresult* result, std::string_view sql);
// The connection broke, or did not answer in time. `why` is for the log.
[[nodiscard]] Error pg_unreachable(std::string why);

}  // namespace indaba::db
