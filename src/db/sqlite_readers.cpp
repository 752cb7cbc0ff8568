#include "db/sqlite_readers.hpp"

#include "db/database_thread.hpp"

namespace indaba::db {

Result<void> SqliteReaders::start(const std::filesystem::path& file) {
  std::vector<std::unique_ptr<SqliteConnection>> connections;
  for (std::size_t i = 0; i < limits_.threads; ++i) {
    INDABA_TRY(auto connection, SqliteConnection::open(file, SqliteConnection::Access::read_only));
    connections.push_back(std::move(connection));
  }
  for (std::size_t i = 0; i < connections.size(); ++i)
    threads_.push_back(start_database_thread(
        fmt::format("db-reader-{}", i),
        [this, connection = std::move(connections[i])] { run_on_reader(*connection); }));
  return {};
}

void SqliteReaders::submit(std::unique_ptr<Query> query) {
  if (auto refusal = queue_.push(query)) query->refuse(*std::move(refusal));
}

void SqliteReaders::stop() {
  queue_.stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void SqliteReaders::run_on_reader(SqliteConnection& connection) {
  std::vector<std::unique_ptr<Query>> one;
  while (queue_.take(one, 1)) {
    answer(connection, *one.front());
    one.clear();
  }
}

void SqliteReaders::answer(SqliteConnection& connection, Query& query) {
  stats_.queries.fetch_add(1, std::memory_order_relaxed);
  connection.set_deadline(std::chrono::steady_clock::now() + limits_.time);
  if (auto begun = connection.begin(); !begun) return query.refuse(std::move(begun).error());
  run_guarded(query, connection);
  connection.rollback();
}

}  // namespace indaba::db
