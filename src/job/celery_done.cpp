#include "job/celery_done.hpp"

#include <functional>

namespace indaba::job::celery {

namespace {

constexpr std::string_view kFind = "SELECT result FROM celery_done WHERE id = $1";
constexpr std::string_view kInsert =
    "INSERT INTO celery_done (id, at, result) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
constexpr std::string_view kPurge =
    "DELETE FROM celery_done WHERE id IN (SELECT id FROM celery_done WHERE at < $1 ORDER BY at "
    "LIMIT $2)";
constexpr std::int64_t kPart = 5000;

Result<std::optional<std::string>> find(db::Session& session, const std::string& id) {
  return session.first<std::string>(kFind, [](const db::Row& row) { return row.string(0); }, id);
}

}  // namespace

Task<Result<std::optional<std::string>>> find_done(db::Database& database, std::string id) {
  auto query = [id](db::Session& session) { return find(session, id); };
  auto reading = database.read(query);
  co_return co_await reading;
}

Task<Result<std::string>> record_done(db::Database& database, std::string id, Done done,
                                      WallTime now) {
  const auto shard =
      done.shard.value_or(db::Shard(static_cast<std::int64_t>(std::hash<std::string>{}(id) >> 1U)));
  const auto kept = std::make_shared<const Done>(std::move(done));
  auto change = [id, kept, now](db::WriteTx& tx) -> Result<std::string> {
    INDABA_TRY_VOID(tx.sql().execute(kInsert, id, to_millis(now), kept->result));
    if (tx.sql().changed() == 0) {
      INDABA_TRY(auto before, find(tx.sql(), id));
      return before ? *std::move(before) : kept->result;
    }
    if (kept->effect) {
      INDABA_TRY_VOID(kept->effect(tx));
    }
    return kept->result;
  };
  auto writing = database.write(shard, change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<std::int64_t>> purge_done(db::Database& database, WallTime before) {
  auto change = [before](db::WriteTx& tx) -> Result<std::int64_t> {
    INDABA_TRY_VOID(tx.sql().execute(kPurge, to_millis(before), kPart));
    return tx.sql().changed();
  };
  auto writing = database.write(db::Shard(), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  co_return written.value;
}

}  // namespace indaba::job::celery
