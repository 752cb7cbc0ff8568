#include "feature/search/pg_index.hpp"

#include "feature/search/pg_match.hpp"
#include "feature/search/pg_queries.hpp"

namespace indaba::search {

namespace {

constexpr std::int64_t kFilledAtOnce = 500;

class PgReading final : public IndexReading {
 public:
  PgReading(db::Session& session, const IndexQuery& query, const Plan& plan,
            const WordReader& words, const Marks& marks)
      : session_(session),
        query_(query),
        plan_(plan),
        words_(words),
        marks_(marks),
        phrases_(phrases_of(query.wanted.terms, words)) {}

  Result<std::vector<queries::Candidate>> candidates(queries::Between between,
                                                     std::int64_t limit) override {
    // Something was asked for, and it holds no letter or digit.
    if (phrases_.empty() && !query_.wanted.terms.empty()) return std::vector<queries::Candidate>();
    const auto match =
        tsquery_of(query_.wanted, phrases_, {query_.org, plan_.author, plan_.rooms}, between);
    return queries::candidates(session_, query_, match, between, limit);
  }
  Result<std::vector<queries::Found>> found(std::span<const chat::MessageId> hits) override {
    INDABA_TRY(auto found, queries::found_among(session_, query_, hits));
    for (auto& one : found) one.marked = marked_text(one.marked, phrases_, words_, marks_);
    return found;
  }

 private:
  db::Session& session_;
  const IndexQuery& query_;
  const Plan& plan_;
  const WordReader& words_;
  const Marks& marks_;
  const std::vector<Phrase> phrases_;
};

}  // namespace

PgIndex::PgIndex(db::Database& database, const Clock& clock, Random& random)
    : SqlIndex(database, clock, random,
               {.block = kIdsAFineBlock,
                .first_blocks = 2,
                .most_blocks = 64 * kFineBlocksACoarse,
                .first_batch = 512}) {}

std::unique_ptr<IndexReading> PgIndex::begin(db::Session& session, const IndexQuery& query,
                                             const Plan& plan) const {
  return std::make_unique<PgReading>(session, query, plan, words_, marks());
}

Result<void> PgIndex::put(db::WriteTx& tx, chat::MessageId id, std::string_view body) {
  return queries::put_words(tx.sql(), id, tsvector_of(words_.read(body)));
}

Result<void> PgIndex::remove(db::WriteTx& tx, chat::MessageId id) {
  return queries::remove_words(tx.sql(), id);
}

Task<Result<std::int64_t>> PgIndex::sweep() {
  co_return 0;
}

Result<std::int64_t> PgIndex::fill(db::Session& session) {
  const WordReader words;
  std::int64_t filled = 0;
  chat::MessageId after(0);
  for (;;) {
    INDABA_TRY(const auto page, queries::messages_behind(session, after, kFilledAtOnce));
    if (page.empty()) return filled;
    for (const auto& message : page) {
      INDABA_TRY_VOID(
          queries::put_words(session, message.id, tsvector_of(words.read(message.body))));
    }
    filled += static_cast<std::int64_t>(page.size());
    after = page.back().id;
  }
}

}  // namespace indaba::search
