// The log: events appended to a SQLite file with synchronous=FULL, so many a transaction, with
// random de-duplication keys and without.
#include "db/blocking.hpp"
#include "db/sqlite_database.hpp"
#include "stream/event_log.hpp"

#include <benchmark/benchmark.h>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <random>
#include <string>

namespace indaba::stream {
namespace {

// A database in a folder of its own, gone at the end.
class Database {
 public:
  Database() : log_(clock_) {
    std::string name = (std::filesystem::temp_directory_path() / "indaba-micro-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return;
    folder_ = name;
    db::SqliteOptions options;
    options.file = folder_ / "indaba.db";
    auto opened = db::SqliteDatabase::open(options, log_, clock_);
    if (!opened) return;
    database_ = *std::move(opened);
    const auto make = [this](db::WriteTx& tx) {
      return create_stream(tx.sql(), {.kind = "topic", .org = OrgId(1)}, clock_, random_);
    };
    if (auto made = db::write_blocking(*database_, db::Shard{}, make)) stream_ = made->value;
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() {
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] bool append(std::int64_t count, bool with_keys) {
    const auto change = [&](db::WriteTx& tx) -> Result<void> {
      for (std::int64_t i = 0; i < count; ++i) {
        tx.append({stream_, "tick", body_,
                   with_keys ? fmt::format("{:016x}{:016x}", keys_(), keys_()) : std::string()});
      }
      return {};
    };
    return database_ != nullptr && db::write_blocking(*database_, db::Shard{}, change).has_value();
  }

 private:
  SystemClock clock_;
  SystemRandom random_;
  EventLog log_;
  std::filesystem::path folder_;
  std::unique_ptr<db::SqliteDatabase> database_;
  StreamId stream_;
  std::mt19937_64 keys_{42};
  std::string body_ = ",\"data\":\"" + std::string(240, 'x') + "\"";
};

void append(benchmark::State& state) {
  Database database;
  for (auto _ : state) {
    if (!database.append(state.range(0), state.range(1) != 0))
      return state.SkipWithError("the database refused");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(append)
    ->Name("log/append")
    ->ArgNames({"events", "keys"})
    ->Args({1, 0})
    ->Args({64, 0})
    ->Args({64, 1})
    ->Args({512, 1})
    ->UseRealTime();

}  // namespace
}  // namespace indaba::stream
