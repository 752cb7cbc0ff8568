// For tests that hold for every database: TEST_P with one of these, and a place to open it again
// and again, also twice at once where that is possible.
#pragma once

#include "db/test_postgres.hpp"

namespace indaba::db {

enum class Backend : unsigned char { sqlite, postgres, pgbouncer };

inline std::string backend_name(const testing::TestParamInfo<Backend>& info) {
  return info.param == Backend::sqlite     ? "sqlite"
         : info.param == Backend::postgres ? "postgres"
                                           : "pgbouncer";
}

// Those of them that are installed here.
inline std::vector<Backend> present(std::vector<Backend> wanted) {
  if (!TestPostgres::installed())
    std::erase_if(wanted, [](Backend backend) { return backend != Backend::sqlite; });
  return wanted;
}

struct TestLimits {
  WriterLimits writer{};
  PgWriterLimits pg_writer{};
  ReaderLimits readers{};
};

// One database; empty when it is made.
class TestBackend {
 public:
  explicit TestBackend(Backend backend) : backend_(backend) {
    if (backend == Backend::sqlite) return;
    auto* server = TestPostgres::instance();
    if (server == nullptr) return;
    name_ = server->create_database();
    url_ = backend == Backend::postgres ? server->url(name_) : server->url_by_bouncer(name_);
  }
  [[nodiscard]] bool there() const { return backend_ == Backend::sqlite || !url_.empty(); }
  [[nodiscard]] bool many_nodes() const { return backend_ != Backend::sqlite; }
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] const std::string& name() const { return name_; }

  std::unique_ptr<Database> open(EventSequencer& sequencer, const Clock& clock,
                                 const TestLimits& limits = {}) const {
    if (backend_ == Backend::sqlite) {
      auto opened = SqliteDatabase::open({.file = folder_.path() / "indaba.db",
                                          .writer = limits.writer,
                                          .readers = limits.readers},
                                         sequencer, clock);
      if (!opened) throw std::runtime_error(opened.error().detail + opened.error().log);
      return *std::move(opened);
    }
    auto opened = PgDatabase::open(
        {.url = url_, .writer = limits.pg_writer, .readers = limits.readers}, sequencer, clock);
    if (!opened) throw std::runtime_error(opened.error().detail + opened.error().log);
    return *std::move(opened);
  }

 private:
  Backend backend_;
  TemporaryFolder folder_;
  std::string name_;
  std::string url_;
};

}  // namespace indaba::db
