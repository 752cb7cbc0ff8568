// For statements that want the first rows of many in the order of an index.
//
// PostgreSQL knows nothing yet of rows that came a second ago: it thinks that there is a handful,
// reads all that there are, and sorts them, each time that somebody asks for the next few.
#pragma once

#include "db/session.hpp"

namespace indaba::db {

// Until the end of the transaction: rows are read in the order of an index, where one has it.
inline Result<void> prefer_index_order(Session& session) {
  if (session.dialect() != Dialect::postgres) return {};
  return session.run_later("SET LOCAL enable_sort = off", {});
}

}  // namespace indaba::db
