// SqliteIndex: the search index in the embedded database itself, with FTS5, written in the
// transaction of each change.
//
// The table keeps a text of its own instead of reading the messages' rows. Without one, an entry
// could be taken out only by whoever still has the exact text that went in, and a message that goes
// with its room or organisation has none to show by then: what would remain is words that point
// nowhere. FTS5 tables cannot be written by triggers here (the schema is not trusted), so those
// messages are noted by a trigger in a plain table and taken out by sweep(). Until then they are
// not found, for their rows are gone.
//
// Marks beside the text (organisation, author, up to 32 rooms, blocks of ids) keep a search from
// reading what cannot be for its caller.
#pragma once

#include "feature/search/sql_index.hpp"

namespace indaba::search {

class SqliteIndex final : public SqlIndex {
 public:
  // All but `random` outlive this.
  SqliteIndex(db::Database& database, const Clock& clock, Random& random);

  Result<void> put(db::WriteTx& tx, chat::MessageId id, std::string_view body) override;
  Result<void> remove(db::WriteTx& tx, chat::MessageId id) override;
  Task<Result<std::int64_t>> sweep() override;

 private:
  [[nodiscard]] std::unique_ptr<IndexReading> begin(db::Session& session, const IndexQuery& query,
                                                    const Plan& plan) const override;
};

}  // namespace indaba::search
