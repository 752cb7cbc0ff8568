// SqlIndex: what the indexes inside of a database have in common: how a page is read.
//
// A search reads the index from the newest entry backwards and stops as soon as the page is full.
// Nothing interrupts a statement that compares the lists of common words, so the index is asked for
// one stretch of ids after the other, each up to four times as long as the last one where that was
// quick. After 25 ms or 8192 entries no further one is begun, and the page says where to go on.
#pragma once

#include "base/random.hpp"
#include "db/database.hpp"
#include "feature/search/queries.hpp"

#include <memory>
#include <span>

namespace indaba::search {

// A search as the index is asked for it.
struct Plan {
  UserId author;
  std::vector<chat::RoomId> rooms;  // empty: too many to name
  queries::Between between;
};

// One search in one snapshot; on a reader's thread.
class IndexReading {
 public:
  virtual ~IndexReading() = default;
  // Entries between these ids, newest first.
  virtual Result<std::vector<queries::Candidate>> candidates(queries::Between between,
                                                             std::int64_t limit) = 0;
  // `hits` are the candidates that fit, newest first; with their matches marked.
  virtual Result<std::vector<queries::Found>> found(std::span<const chat::MessageId> hits) = 0;
};

// How a database likes to be asked.
struct Stretches {
  std::int64_t block = 0;         // of ids; a stretch ends where one does
  std::int64_t first_blocks = 0;  // of the first stretch
  std::int64_t most_blocks = 0;
  std::int64_t first_batch = 0;  // of entries
};

class SqlIndex : public SearchIndex {
 public:
  Task<Result<HitPage>> find(IndexQuery query) final;

 protected:
  // Both but `random` outlive this.
  SqlIndex(db::Database& database, const Clock& clock, Random& random, Stretches stretches);

  [[nodiscard]] virtual std::unique_ptr<IndexReading> begin(db::Session& session,
                                                            const IndexQuery& query,
                                                            const Plan& plan) const = 0;
  [[nodiscard]] db::Database& database() const noexcept { return database_; }
  [[nodiscard]] const Marks& marks() const noexcept { return marks_; }

 private:
  Result<HitPage> read_page(db::Session& session, const IndexQuery& query) const;

  db::Database& database_;
  const Clock& clock_;
  const Marks marks_;
  const Stretches stretches_;
};

}  // namespace indaba::search
