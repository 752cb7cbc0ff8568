// How to come to PostgreSQL, and how much of it to use. Without libpq, so that the program's other
// parts need not know it.
#pragma once

#include "base/clock.hpp"
#include "db/reader_limits.hpp"

#include <string>

namespace indaba::db {

struct PgDefaults {  // for what the address leaves out
  std::string database;
  std::string user;
  std::string password;
};

// Whoever waits is told that the database does not answer: after `queued` at most where its turn
// has not come, and once it has, after one wait of statement and network.
struct PgTimes {
  Millis statement{1500};
  Millis lock{1500};
  Millis idle{10'000};  // a transaction of a process that stopped is ended by the server
  Millis network{500};  // how much later an answer may be than the server's own limits
  Millis queued{1500};  // what has waited so long for its turn is refused
};

struct PgWriterLimits {
  std::size_t writers = 4;
  std::size_t queued = 4096;  // before each writer
  std::size_t group = 512;
  PgTimes times{};
};

struct PgOptions {
  std::string url;
  PgDefaults defaults{};
  bool migrate = true;  // without: a database that is older than the program is refused
  PgWriterLimits writer{};
  ReaderLimits readers{.time = PgTimes{}.statement};
};

}  // namespace indaba::db
