// Storage: the database, the event log on top of it, and the keys that live in it. Opened first,
// closed last.
#pragma once

#include "app/config_sections.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/sqlite_database.hpp"
#include "stream/event_log.hpp"
#include "stream/sql_store.hpp"

#include <memory>
#include <string>

namespace indaba::app {

struct Storage {
  stream::EventLog log;
  std::unique_ptr<db::SqliteDatabase> database;
  std::unique_ptr<stream::SqlStore> store;
  std::string signing_key;

  explicit Storage(const Clock& clock) : log(clock) {}
};

// The error is a sentence for the operator.
[[nodiscard]] Result<std::unique_ptr<Storage>> open_storage(const DataConfig& data,
                                                            const std::string& signing_key,
                                                            const Clock& clock, Random& random);

}  // namespace indaba::app
