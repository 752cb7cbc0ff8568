// GroupCommit: runs what waits in one transaction, and answers all of it after one commit.
//
// Lives on a writer thread. Nobody is answered before the group's fate is known: a change that was
// refused inside a group may have seen rows of a neighbour that was rolled back later, so after a
// rollback every change decides anew, on committed rows. A change that fails before it wrote
// anything is refused without disturbing the group. One that fails later is run alone, and the
// changes before and after it as groups of their own; the order stays. A disk that fails refuses
// the group as it is: running it again would only ask the same disk. A transaction that another one
// was in the way of (a deadlock), or whose connection was lost before its commit was sent, runs
// again as it was, a few times.
//
// Where a failed statement ends the whole transaction (PostgreSQL), its change is run alone; one
// that would go on after the error gets a savepoint a statement then.
//
// A commit whose answer was lost is looked for. Its callers wait kPatience for that; then they are
// told `unavailable` with the code "outcome_unknown", this once, and nothing of it is run again.
// Before anything else happens on this thread the outcome is found out, and what was committed is
// handed on. SQLite cannot look; the process ends instead.
#pragma once

#include "db/event_sequencer.hpp"
#include "db/transactional_session.hpp"
#include "db/writer_stats.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace indaba::db {

class GroupCommit {
 public:
  // While an outcome is looked for longer than callers wait, `meanwhile` is called time and again;
  // false: give up, the process stops.
  using Meanwhile = std::function<bool()>;
  static constexpr Millis kPatience{2000};

  GroupCommit(
      TransactionalSession& session, EventSequencer& sequencer, WriterStats& stats,
      Meanwhile meanwhile = [] { return false; })
      : session_(session), sequencer_(sequencer), stats_(stats), meanwhile_(std::move(meanwhile)) {}

  // Finishes every change, in order.
  void run(std::span<const std::unique_ptr<Change>> changes);

 private:
  using Changes = std::span<const std::unique_ptr<Change>>;
  struct Slot;
  // Why a group did not become one transaction. Without `error` all is done.
  struct Trouble {
    std::optional<Error> error;
    std::optional<std::size_t> guilty;  // the change to run alone, where it is known
    bool refuse_all = false;            // running again cannot help
    bool again = false;                 // the same may go well at once
    bool swallowed = false;             // `guilty` would have gone on after a failed statement
  };

  Trouble attempt(Changes changes);
  Trouble apply_all(Changes changes, std::vector<Slot>& slots);
  Trouble sequence_all(std::vector<Slot>& slots, std::vector<StagedEvent>& events);
  Trouble run_sequenced(std::vector<Slot>& slots);
  Trouble run_last(std::vector<Slot>& slots);
  [[nodiscard]] bool transaction_lost() const {
    return session_.storage_failed() || session_.worth_another_try();
  }
  void run_carefully(Changes change);
  // `answered`: the callers know already that it was unknown.
  Trouble commit(Changes changes, CommitOutcome& outcome, bool& answered);
  CommitOutcome find_out(Changes changes, Error& why, bool& answered);
  Trouble storage_trouble(Error error);
  static void tell_committed(const std::vector<Slot>& slots);
  void finish_all(Changes changes, std::vector<Slot>& slots);
  void refuse_all(Changes changes, const Error& error);

  TransactionalSession& session_;
  EventSequencer& sequencer_;
  WriterStats& stats_;
  Meanwhile meanwhile_;
};

}  // namespace indaba::db
