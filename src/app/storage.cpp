#include "app/storage.hpp"

#include "auth/access_tokens.hpp"
#include "db/blocking.hpp"

namespace indaba::app {

Result<std::unique_ptr<Storage>> open_storage(const DataConfig& data,
                                              const std::string& signing_key, const Clock& clock,
                                              Random& random) {
  if (!data.database_url.empty())
    return Error(ErrorKind::invalid,
                 "database.url: this version keeps its data in the embedded database; leave "
                 "DATABASE_URL unset");
  auto storage = std::make_unique<Storage>(clock);
  INDABA_TRY(storage->database,
             db::SqliteDatabase::open({.file = data.database_file()}, storage->log, clock));
  storage->store = std::make_unique<stream::SqlStore>(*storage->database);
  storage->signing_key = signing_key;
  if (signing_key.empty()) {
    auto made = db::write_blocking(*storage->database, db::Shard(), [&](db::WriteTx& tx) {
      return auth::find_or_make_signing_key(tx.sql(), random);
    });
    if (!made) return std::move(made).error();
    storage->signing_key = made->value;
  }
  return storage;
}

}  // namespace indaba::app
