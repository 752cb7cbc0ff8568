#include "db/pg_readers.hpp"

#include "db/database_thread.hpp"

namespace indaba::db {

PgReaders::PgReaders(const PgTarget& target, ReaderLimits limits, WriterStats& stats)
    : stats_(stats), queue_(limits.queued, "Too many queries wait.", stats.queued_queries) {
  PgTimes times;
  times.statement = times.lock = limits.time;
  for (std::size_t i = 0; i < limits.threads; ++i)
    threads_.push_back(start_database_thread(
        fmt::format("db-reader-{}", i),
        [this, session = std::make_unique<PgSession>(target, PgSession::Access::read_only, times)] {
          run_on_reader(*session);
        }));
}

void PgReaders::submit(std::unique_ptr<Query> query) {
  if (auto refusal = queue_.push(query)) query->refuse(*std::move(refusal));
}

void PgReaders::refuse_late() {
  std::vector<std::unique_ptr<Query>> waiting;
  if (queue_.take_older(waiting, std::chrono::steady_clock::now() - PgTimes{}.queued))
    for (auto& query : waiting) query->refuse(pg_unreachable("it has not come to this in time"));
}

void PgReaders::stop() {
  queue_.stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void PgReaders::run_on_reader(PgSession& session) {
  std::vector<std::unique_ptr<Query>> one;
  while (queue_.take(one, 1)) {
    stats_.queries.fetch_add(1, std::memory_order_relaxed);
    if (auto begun = session.begin(); begun) {
      run_guarded(*one.front(), session);
      session.rollback();
    } else {
      one.front()->refuse(std::move(begun).error());
    }
    one.clear();
  }
}

}  // namespace indaba::db
