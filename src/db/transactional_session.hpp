// TransactionalSession: a connection whose transactions the writer begins and ends itself. The seam
// between group commit and a database: SQLite's connection is one, PostgreSQL's will be.
//
// One database thread. Outside begin() … commit()/rollback() every statement commits by itself.
#pragma once

#include "db/session.hpp"

namespace indaba::db {

enum class CommitOutcome : unsigned char {
  committed,
  rolled_back,  // certainly not in the database
  unknown,      // the disk would not say: nobody may be told a guess
};

class TransactionalSession : public Session {
 public:
  virtual Result<void> begin() = 0;
  // `why` is set unless committed.
  virtual CommitOutcome commit(Error& why) = 0;
  virtual void rollback() = 0;

  // Grows with every row that is inserted, updated or deleted; what a failed statement took back
  // does not count.
  [[nodiscard]] virtual std::int64_t writes() const = 0;
  // Since begin(): the disk is full, cannot be read or written, or memory ran out. The transaction
  // must be rolled back, whatever the change made of the error.
  [[nodiscard]] virtual bool storage_failed() const = 0;
};

}  // namespace indaba::db
