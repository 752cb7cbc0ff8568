// What the pools of readers of both databases share.
#pragma once

#include "base/clock.hpp"
#include "db/database.hpp"

namespace indaba::db {

struct ReaderLimits {
  std::size_t threads = 3;
  std::size_t queued = 4096;
  Millis time{5000};
};

// A query is somebody else's code: what it throws is its own failure, never the reader's.
inline void run_guarded(Query& query, Session& session) {
  try {
    query.run(session);
  } catch (const std::exception& e) {
    query.refuse(Error::internal(fmt::format("a query threw: {}", e.what())));
  } catch (...) {
    query.refuse(Error::internal("a query threw something that is no exception"));
  }
}

}  // namespace indaba::db
