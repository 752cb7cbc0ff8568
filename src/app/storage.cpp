#include "app/storage.hpp"

#include "api/access_follower.hpp"
#include "auth/access_tokens.hpp"
#include "db/blocking.hpp"
#include "db/sqlite_database.hpp"

#include <fmt/format.h>

namespace indaba::app {

db::PgOptions postgres_options(const DataConfig& data, Migrate migrate) {
  db::PgOptions options;
  options.url = data.database_url;
  options.defaults = {data.postgres.database, data.postgres.user, data.postgres.password};
  options.migrate = migrate == Migrate::yes;
  options.writer.writers = data.postgres.writers;
  options.readers.threads = data.postgres.readers;
  return options;
}

Result<std::unique_ptr<db::Database>> open_database(const DataConfig& data, Migrate migrate,
                                                    db::EventSequencer& sequencer,
                                                    const Clock& clock,
                                                    db::ProcessLock::KeepWaiting keep_waiting) {
  if (data.embedded()) {
    db::SqliteOptions options{.file = data.database_file(),
                              .keep_waiting = std::move(keep_waiting)};
    INDABA_TRY(auto opened, db::SqliteDatabase::open(std::move(options), sequencer, clock));
    return std::unique_ptr<db::Database>(std::move(opened));
  }
  INDABA_TRY(auto opened, db::PgDatabase::open(postgres_options(data, migrate), sequencer, clock));
  return std::unique_ptr<db::Database>(std::move(opened));
}

Result<db::SchemaStatus> read_schema_status(const DataConfig& data) {
  if (data.embedded()) return db::sqlite_schema_status(data.database_file());
  return db::pg_schema_status(postgres_options(data, Migrate::no));
}

Result<StreamId> access_stream(db::Database& database, const Clock& clock, Random& random) {
  const auto change = [&](db::WriteTx& tx) {
    return api::find_or_make_access_stream(tx, clock, random);
  };
  INDABA_TRY(const auto made, db::write_blocking(database, db::Shard(), change));
  return made.value;
}

Error only_embedded(std::string_view command, std::string_view instead) {
  Error error(ErrorKind::unsupported,
              fmt::format("{} is for the embedded database; database.url names PostgreSQL: use {}",
                          command, instead));
  error.log = error.detail;
  return error;
}

Result<std::unique_ptr<Storage>> open_storage(const DataConfig& data, Migrate migrate,
                                              const std::string& signing_key, const Clock& clock,
                                              Random& random,
                                              db::ProcessLock::KeepWaiting keep_waiting) {
  auto storage = std::make_unique<Storage>(clock);
  if (!data.embedded()) {
    // Two nodes share the database, never the folder: the control socket in it is one's own.
    INDABA_TRY(storage->folder, db::ProcessLock::acquire(data.dir, keep_waiting));
  }
  INDABA_TRY(storage->database,
             open_database(data, migrate, storage->log, clock, std::move(keep_waiting)));
  storage->store = std::make_unique<stream::SqlStore>(*storage->database);
  storage->signing_key = signing_key;
  if (signing_key.empty()) {
    auto made = db::write_blocking(*storage->database, db::Shard(), [&](db::WriteTx& tx) {
      return auth::find_or_make_signing_key(tx.sql(), random);
    });
    if (!made) return std::move(made).error();
    storage->signing_key = made->value;
  }
  if (!data.embedded()) {
    INDABA_TRY(storage->access_stream, access_stream(*storage->database, clock, random));
  }
  return storage;
}

}  // namespace indaba::app
