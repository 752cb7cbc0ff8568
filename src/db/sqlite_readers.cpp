#include "db/sqlite_readers.hpp"

#include "db/database_thread.hpp"

namespace indaba::db {

using namespace std::chrono_literals;

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
  Error refusal(ErrorKind::unavailable);
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && queue_.size() < limits_.queued) {
      queue_.push_back(std::move(query));
      stats_.queued_queries.store(queue_.size(), std::memory_order_relaxed);
      wake_.notify_one();
      return;
    }
    refusal.detail = stopping_ ? "The server is stopping." : "Too many queries wait.";
  }
  refusal.retry_after = 1s;
  query->refuse(std::move(refusal));
}

void SqliteReaders::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

std::unique_ptr<Query> SqliteReaders::take() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  if (queue_.empty()) return nullptr;
  auto query = std::move(queue_.front());
  queue_.pop_front();
  stats_.queued_queries.store(queue_.size(), std::memory_order_relaxed);
  return query;
}

void SqliteReaders::run_on_reader(SqliteConnection& connection) {
  while (auto query = take()) answer(connection, *query);
}

void SqliteReaders::answer(SqliteConnection& connection, Query& query) {
  stats_.queries.fetch_add(1, std::memory_order_relaxed);
  connection.set_deadline(std::chrono::steady_clock::now() + limits_.time);
  if (auto begun = connection.begin(); !begun) return query.refuse(std::move(begun).error());
  try {
    query.run(connection);
  } catch (const std::exception& e) {
    query.refuse(Error::internal(fmt::format("a query threw: {}", e.what())));
  } catch (...) {
    query.refuse(Error::internal("a query threw something that is no exception"));
  }
  connection.rollback();
}

}  // namespace indaba::db
