// bench_postgres: what PostgreSQL alone does with the rows of a durable publication, as the limit
// for Indaba's.
//
// Takes rows that a node has stored, and writes them again into a table of the same shape with the
// same indexes: one `INSERT … SELECT … FROM unnest(…)` a transaction, with parameters as the node
// sends them, on so many connections, each with a thread and a stream of its own. No stream row is
// taken or moved, no key is looked for, nobody is answered. Keys are random, as long as a UUID.
// Prints JSON; `client_percent` is the CPU that this program had while it ran, in percent of one
// core: far below 100 a connection says that it was PostgreSQL that was waited for.
#include "db/pg_params.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/resource.h>

namespace {

using indaba::db::Param;
using Clock = std::chrono::steady_clock;

constexpr const char* kMakeTable =
    "DROP TABLE IF EXISTS events_raw; CREATE TABLE events_raw (LIKE events INCLUDING ALL)";
constexpr const char* kTakeRows =
    "SELECT type, body, coalesce(content_hash, '') FROM events"
    " WHERE stream_id = (SELECT stream_id FROM events GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)"
    " ORDER BY seq DESC LIMIT ";
constexpr const char* kInsert =
    "INSERT INTO events_raw (stream_id, seq, created_at, type, body, dedupe_key, content_hash)"
    " SELECT stream_id, seq, created_at, type, body, nullif(dedupe_key, ''),"
    " nullif(content_hash, '') FROM unnest($1, $2, $3, $4, $5, $6, $7)"
    " AS e (stream_id, seq, created_at, type, body, dedupe_key, content_hash)";

struct Finish {
  void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, Finish>;
using Answer = std::unique_ptr<PGresult, Finish>;

struct Wanted {
  std::string url;
  int connections = 4;
  int rows = 64;
  double seconds = 5;
};

struct Rows {
  std::vector<std::string> types, bodies, hashes;
};

[[noreturn]] void fail(const char* what, const char* why) {
  std::fprintf(stderr, "bench_postgres: %s: %s\n", what, why);
  std::exit(1);
}

Connection connect(const std::string& url) {
  Connection connection(PQconnectdb(url.c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK)
    fail("cannot connect", PQerrorMessage(connection.get()));
  return connection;
}

Rows take_rows(PGconn* connection, int count) {
  const Answer made(PQexec(connection, kMakeTable));
  if (PQresultStatus(made.get()) != PGRES_COMMAND_OK) fail("table", PQerrorMessage(connection));
  const Answer answer(PQexecParams(connection, (kTakeRows + std::to_string(count)).c_str(), 0,
                                   nullptr, nullptr, nullptr, nullptr, 1));
  if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK) fail("rows", PQerrorMessage(connection));
  if (PQntuples(answer.get()) < count) fail("rows", "the node has stored too few events");
  const auto text = [&](int row, int column) {
    return std::string(PQgetvalue(answer.get(), row, column),
                       static_cast<std::size_t>(PQgetlength(answer.get(), row, column)));
  };
  Rows rows;
  for (int row = 0; row < count; ++row) {
    rows.types.push_back(text(row, 0));
    rows.bodies.push_back(text(row, 1));
    rows.hashes.push_back(text(row, 2));
  }
  return rows;
}

// One connection, and the rows as it sends them: only the numbers and the keys change.
class Writer {
 public:
  Writer(const Wanted& wanted, const Rows& rows, int number)
      : connection_(connect(wanted.url)),
        count_(static_cast<std::size_t>(wanted.rows)),
        types_(rows.types.begin(), rows.types.end()),
        bodies_(rows.bodies.begin(), rows.bodies.end()),
        hashes_(rows.hashes.begin(), rows.hashes.end()),
        streams_(count_, number),
        seqs_(count_),
        times_(count_),
        keys_(count_),
        key_views_(count_),
        random_(static_cast<std::uint64_t>(number)) {}

  void write() {
    for (std::size_t i = 0; i < count_; ++i) {
      seqs_[i] = times_[i] = ++seq_;
      std::array<char, 40> key{};
      const int size = std::snprintf(key.data(), key.size(), "%016llx----%016llx",
                                     static_cast<unsigned long long>(random_()),
                                     static_cast<unsigned long long>(random_()));
      keys_[i].assign(key.data(), static_cast<std::size_t>(size));
      key_views_[i] = keys_[i];
    }
    const std::array<Param, 7> columns{
        Param(indaba::db::Integers{streams_}), Param(indaba::db::Integers{seqs_}),
        Param(indaba::db::Integers{times_}),   Param(indaba::db::Texts{types_}),
        Param(indaba::db::Texts{bodies_}),     Param(indaba::db::Texts{key_views_}),
        Param(indaba::db::Blobs{hashes_})};
    const indaba::db::PgParams sent(columns);
    const Answer answer(PQexecParams(connection_.get(), kInsert, sent.count(), sent.types(),
                                     sent.values(), sent.lengths(), sent.formats(), 1));
    if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK)
      fail("insert", PQerrorMessage(connection_.get()));
  }

 private:
  Connection connection_;
  std::size_t count_;
  std::vector<std::string_view> types_, bodies_, hashes_;
  std::vector<std::int64_t> streams_, seqs_, times_;
  std::vector<std::string> keys_;
  std::vector<std::string_view> key_views_;
  std::int64_t seq_ = 0;
  std::mt19937_64 random_;
};

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](timeval at) {
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void measure(const Wanted& wanted) {
  const auto rows = take_rows(connect(wanted.url).get(), wanted.rows);
  std::vector<std::unique_ptr<Writer>> writers;
  for (int n = 0; n < wanted.connections; ++n)
    writers.push_back(std::make_unique<Writer>(wanted, rows, n + 1));
  std::atomic<std::int64_t> commits = 0;
  const auto began = Clock::now();
  const auto elapsed = [began] {
    return std::chrono::duration<double>(Clock::now() - began).count();
  };
  const double cpu_before = cpu_seconds();
  {
    std::vector<std::jthread> threads;
    threads.reserve(writers.size());
    for (auto& writer : writers)
      threads.emplace_back([&] {
        for (; elapsed() < wanted.seconds; ++commits) writer->write();
      });
  }
  const double took = elapsed();
  const auto done = static_cast<double>(commits.load());
  std::printf(R"({"rows_per_second":%.0f,"commits_per_second":%.0f,"client_percent":%.0f})"
              "\n",
              done * wanted.rows / took, done / took, (cpu_seconds() - cpu_before) / took * 100);
}

}  // namespace

int main(int count, char** words) {
  Wanted wanted;
  CLI::App app("What PostgreSQL alone does with the rows of a durable publication");
  app.add_option("url", wanted.url, "postgres://… of a node's database")->required();
  app.add_option("--connections", wanted.connections, "Writers at once")->capture_default_str();
  app.add_option("--rows", wanted.rows, "Rows a transaction")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--seconds", wanted.seconds, "How long")->capture_default_str();
  CLI11_PARSE(app, count, words);
  measure(wanted);
  return 0;
}
