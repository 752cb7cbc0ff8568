// SqliteIndex: the search index in the database itself, with FTS5, written in the transaction of
// each change.
//
// The table keeps a text of its own instead of reading the messages' rows. Without one, an entry
// could be taken out only by whoever still has the exact text that went in, and a message that goes
// with its room or organisation has none to show by then: what would remain is words that point
// nowhere. FTS5 tables cannot be written by triggers here (the schema is not trusted), so those
// messages are noted by a trigger in a plain table and taken out by sweep(). Until then they are
// not found, for their rows are gone.
//
// A search reads the index from the newest entry backwards and stops as soon as the page is full.
// Marks beside the text (organisation, author, up to 32 rooms) keep it from reading what cannot be
// for its caller; where they are not enough it stops after 8192 entries and says where to go on.
// FTS5 compares the lists of common words by itself until it comes upon a message that has them
// all, however far that is, and nothing interrupts it. So it is asked for one stretch of ids after
// the other, by the marks of their blocks, and no further one is begun after 25 ms.
#pragma once

#include "base/random.hpp"
#include "db/database.hpp"
#include "feature/search/highlight.hpp"
#include "feature/search/index.hpp"

namespace indaba::search {

class SqliteIndex final : public SearchIndex {
 public:
  // All but `random` outlive this.
  SqliteIndex(db::Database& database, const Clock& clock, Random& random);

  Result<void> put(db::WriteTx& tx, chat::MessageId id) override;
  Result<void> remove(db::WriteTx& tx, chat::MessageId id) override;
  Task<Result<HitPage>> find(IndexQuery query) override;
  Task<Result<std::int64_t>> sweep() override;

 private:
  db::Database& database_;
  const Clock& clock_;
  const Marks marks_;
};

}  // namespace indaba::search
