// PgIndex: the search index in PostgreSQL itself, a tsvector a message under a GIN index, written
// in the transaction of each change.
//
// The words are made here, by the tokenizer of the embedded database (words.hpp), and so are the
// same on both. Nothing waits for an entry: it goes out with the next statement or the commit. The
// GIN index has no list of pending entries: a search would go through it, and now and then a writer
// would have to put it in order. Entries go with their message's row, so there is nothing to sweep.
//
// PostgreSQL remembers where the first 256 of one word stand in a message, up to place 16383: a
// phrase further on is not found by the phrase, only by its words.
#pragma once

#include "feature/search/sql_index.hpp"
#include "feature/search/words.hpp"

namespace indaba::search {

class PgIndex final : public SqlIndex {
 public:
  // All but `random` outlive this.
  PgIndex(db::Database& database, const Clock& clock, Random& random);

  Result<void> put(db::WriteTx& tx, chat::MessageId id, std::string_view body) override;
  Result<void> remove(db::WriteTx& tx, chat::MessageId id) override;
  Task<Result<std::int64_t>> sweep() override;

  // Indexes all messages, for a database that was filled by other means. How many.
  [[nodiscard]] static Result<std::int64_t> fill(db::Session& session);

 private:
  [[nodiscard]] std::unique_ptr<IndexReading> begin(db::Session& session, const IndexQuery& query,
                                                    const Plan& plan) const override;

  const WordReader words_;
};

}  // namespace indaba::search
