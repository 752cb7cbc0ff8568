#include "db/pg_database.hpp"

#include "db/database_thread.hpp"
#include "db/pg_readers.hpp"
#include "db/pg_writer.hpp"

#include <spdlog/spdlog.h>

namespace indaba::db {

namespace {

constexpr std::string_view kDurability =
    "SELECT current_setting('fsync'), current_setting('synchronous_commit')";
// Rows of writers that are long gone (pg_session.hpp).
constexpr std::string_view kForgetOldCommits =
    "DELETE FROM commits WHERE at < (extract(epoch FROM now()) * 1000)::bigint - 86400000";

constexpr Millis kWatchEvery{100};

// A migration may rewrite a large table.
constexpr PgTimes kStartTimes{
    .statement = Millis(3'600'000), .lock = Millis(60'000), .idle = Millis(60'000)};

Error explained(Error error, const PgTarget& target) {
  if (error.kind != ErrorKind::unavailable) return error;
  Error told(ErrorKind::unavailable, "database_unusable",
             fmt::format("The database at {} cannot be used: {}", target.shown(),
                         error.log.empty() ? error.detail : error.log));
  told.log = told.detail;
  return told;
}

// In a transaction of its own, and committed.
template <class F>
Result<void> in_transaction(PgSession& session, F work) {
  INDABA_TRY_VOID(session.begin());
  Result<void> done = work();
  if (!done) {
    session.rollback();
    return done;
  }
  Error why;
  if (session.commit(why) != CommitOutcome::committed) return why;
  return {};
}

Result<SchemaStatus> status_of(PgSession& session) {
  INDABA_TRY_VOID(session.begin());
  auto status = schema_status(session, compiled_migrations(Dialect::postgres));
  session.rollback();
  return status;
}

Result<int> bring_up_to_date(PgSession& session, bool migrate, const Clock& clock) {
  INDABA_TRY(const auto status, status_of(session));
  const bool pending = std::ranges::any_of(
      status.migrations, [](const MigrationState& m) { return m.applied_at.empty(); });
  if (!pending) return 0;
  if (!migrate && status.database != 0) {
    Error error(ErrorKind::conflict, "schema_mismatch",
                fmt::format("The database has schema version {}, this program needs {}. Run "
                            "`indaba migrate up` first.",
                            status.database, status.program));
    error.log = error.detail;
    return error;
  }
  return migrate_up(
      session, [&](const std::string& sql) { return session.script(sql); },
      compiled_migrations(Dialect::postgres), clock);
}

// Turned off, a commit is acknowledged before it is on the disk.
Result<void> warn_of_lost_commits(PgSession& session) {
  return session.run(kDurability, {}, [](const Row& row) {
    if (row.text(0) == "off" || row.text(1) == "off")
      spdlog::warn(
          "the database runs with fsync = {} and synchronous_commit = {}: what is "
          "acknowledged can be lost when it crashes",
          row.text(0), row.text(1));
  });
}

Result<int> prepare(PgSession& session, bool migrate, const Clock& clock) {
  INDABA_TRY(const auto migrated, bring_up_to_date(session, migrate, clock));
  INDABA_TRY_VOID(in_transaction(session, [&]() -> Result<void> {
    INDABA_TRY_VOID(warn_of_lost_commits(session));
    return session.execute(kForgetOldCommits);
  }));
  return migrated;
}

}  // namespace

PgDatabase::PgDatabase() = default;

PgDatabase::~PgDatabase() {
  PgDatabase::stop();
}

Result<std::unique_ptr<PgDatabase>> PgDatabase::open(const PgOptions& options,
                                                     EventSequencer& sequencer,
                                                     const Clock& clock) {
  INDABA_TRY(const auto target, PgTarget::parse(options.url, options.defaults));
  std::unique_ptr<PgDatabase> database(new PgDatabase());
  {
    PgSession session(target, PgSession::Access::read_write, kStartTimes);
    auto prepared = prepare(session, options.migrate, clock);
    if (!prepared) return explained(std::move(prepared).error(), target);
    database->migrated_ = *prepared;
  }
  database->readers_ = std::make_unique<PgReaders>(target, options.readers, database->stats_);
  for (std::size_t i = 0; i < std::max<std::size_t>(options.writer.writers, 1); ++i)
    database->writers_.push_back(std::make_unique<PgWriter>(
        target, static_cast<int>(i), options.writer, sequencer, database->stats_));
  database->watcher_ = start_database_thread("db-watch", [raw = database.get()] { raw->watch(); });
  return database;
}

void PgDatabase::watch() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kWatchEvery, [this] { return stopping_; })) {
    lock.unlock();
    readers_->refuse_late();
    for (auto& writer : writers_) writer->refuse_late();
    lock.lock();
  }
}

void PgDatabase::submit(Shard shard, std::unique_ptr<Change> change) {
  const auto index = static_cast<std::uint64_t>(shard.key) % writers_.size();
  writers_[index]->submit(shard, std::move(change));
}

void PgDatabase::submit(std::unique_ptr<Query> query) {
  readers_->submit(std::move(query));
}

void PgDatabase::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  if (readers_) readers_->stop();
  for (auto& writer : writers_) writer->stop();
}

Result<SchemaStatus> pg_schema_status(const PgOptions& options) {
  INDABA_TRY(const auto target, PgTarget::parse(options.url, options.defaults));
  PgSession session(target, PgSession::Access::read_only, kStartTimes);
  auto status = status_of(session);
  if (!status) return explained(std::move(status).error(), target);
  return status;
}

}  // namespace indaba::db
