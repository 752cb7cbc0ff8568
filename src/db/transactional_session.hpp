// TransactionalSession: a connection whose transactions the writer begins and ends itself. The seam
// between group commit and a database: SqliteConnection is one, PgSession the other.
//
// One database thread. Outside begin() … commit()/rollback() every statement commits by itself.
#pragma once

#include "base/clock.hpp"
#include "db/session.hpp"

namespace indaba::db {

enum class CommitOutcome : unsigned char {
  committed,
  rolled_back,  // certainly not in the database
  unknown,      // the disk or the network would not say: nobody may be told a guess
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

  // What only a database behind a network has.
  //
  // Since begin(): a statement failed, and with it the whole transaction; nothing runs in it any
  // more.
  [[nodiscard]] virtual bool aborted() const { return false; }
  // And another one was tried nevertheless.
  [[nodiscard]] virtual bool went_on() const { return false; }
  // Since begin(): what went wrong may go well at once. Another transaction was in the way (a
  // deadlock), or the connection was lost before the commit was sent.
  [[nodiscard]] virtual bool worth_another_try() const { return false; }
  // From the next begin() on, a failed statement takes back itself alone, as in SQLite.
  virtual void set_careful(bool) {}
  // After commit() said `unknown`: finds out, for at most `patience`. Once it has said rolled_back,
  // that commit can never come to be. nullopt: this database cannot find out.
  virtual std::optional<CommitOutcome> resolve(Millis, Error&) { return std::nullopt; }
};

}  // namespace indaba::db
