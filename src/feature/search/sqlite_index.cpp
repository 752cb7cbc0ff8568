#include "feature/search/sqlite_index.hpp"

#include "feature/search/match.hpp"
#include "feature/search/sqlite_queries.hpp"

namespace indaba::search {

namespace {

constexpr std::int64_t kSweptAtOnce = 500;

class SqliteReading final : public IndexReading {
 public:
  SqliteReading(db::Session& session, const IndexQuery& query, const Plan& plan, const Marks& marks)
      : session_(session), query_(query), plan_(plan), marks_(marks) {}

  Result<std::vector<queries::Candidate>> candidates(queries::Between between,
                                                     std::int64_t limit) override {
    return queries::candidates(session_, query_, match(between), between, limit);
  }
  Result<std::vector<queries::Found>> found(std::span<const chat::MessageId> hits) override {
    const queries::Between between{hits.back().value - 1, hits.front().value + 1};
    return queries::found_marked(session_, query_, match(between), between,
                                 static_cast<std::int64_t>(hits.size()), marks_);
  }

 private:
  [[nodiscard]] std::string match(queries::Between between) const {
    return match_of(query_.wanted, {query_.org, plan_.author, plan_.rooms},
                    {(between.after + 1) / kIdsABlock, (between.before - 1) / kIdsABlock});
  }

  db::Session& session_;
  const IndexQuery& query_;
  const Plan& plan_;
  const Marks& marks_;
};

}  // namespace

SqliteIndex::SqliteIndex(db::Database& database, const Clock& clock, Random& random)
    : SqlIndex(database, clock, random,
               {.block = kIdsABlock, .first_blocks = 2, .most_blocks = 32, .first_batch = 64}) {}

std::unique_ptr<IndexReading> SqliteIndex::begin(db::Session& session, const IndexQuery& query,
                                                 const Plan& plan) const {
  return std::make_unique<SqliteReading>(session, query, plan, marks());
}

Result<void> SqliteIndex::put(db::WriteTx& tx, chat::MessageId id, std::string_view) {
  // FTS5 writes out what it has gathered before any other statement that could fail halfway: put
  // one by one among other changes, each message would become a segment of its own.
  tx.at_end([id](db::Session& session) { return queries::put(session, id); });
  return {};
}

Result<void> SqliteIndex::remove(db::WriteTx& tx, chat::MessageId id) {
  tx.at_end([id](db::Session& session) { return queries::remove(session, id); });
  return {};
}

Task<Result<std::int64_t>> SqliteIndex::sweep() {
  std::int64_t swept = 0;
  for (;;) {
    auto query = [](db::Session& session) { return queries::is_any_gone(session); };
    auto reading = database().read(query);
    INDABA_CO_TRY(const auto any, co_await reading);
    if (!any) co_return swept;
    auto change = [](db::WriteTx& tx) { return queries::remove_gone(tx.sql(), kSweptAtOnce); };
    auto writing = database().write(db::Shard(), change);
    INDABA_CO_TRY(const auto written, co_await writing);
    swept += written.value;
  }
}

}  // namespace indaba::search
