// GroupCommit: runs what waits in one transaction, and answers all of it after one commit.
//
// Lives on a writer thread. Nobody is answered before the group's fate is known: a change that was
// refused inside a group may have seen rows of a neighbour that was rolled back later, so after a
// rollback every change decides anew, on committed rows. A change that fails before it wrote
// anything is refused without disturbing the group. One that fails later is run alone, and the
// changes before and after it as groups of their own; the order stays. A disk that fails refuses
// the group as it is: running it again would only ask the same disk.
#pragma once

#include "db/event_sequencer.hpp"
#include "db/transactional_session.hpp"
#include "db/writer_stats.hpp"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace indaba::db {

class GroupCommit {
 public:
  GroupCommit(TransactionalSession& session, EventSequencer& sequencer, WriterStats& stats)
      : session_(session), sequencer_(sequencer), stats_(stats) {}

  // Finishes every change, in order. Ends the process where the outcome of a commit cannot be
  // known.
  void run(std::span<const std::unique_ptr<Change>> changes);

 private:
  using Changes = std::span<const std::unique_ptr<Change>>;
  struct Slot;
  // Why a group did not become one transaction. Without `error` all is done.
  struct Trouble {
    std::optional<Error> error;
    std::optional<std::size_t> guilty;  // the change to run alone, where it is known
    bool refuse_all = false;            // running again cannot help
  };

  Trouble attempt(Changes changes);
  Trouble apply_all(Changes changes, std::vector<Slot>& slots);
  Trouble sequence_all(std::vector<Slot>& slots, std::vector<StagedEvent>& events);
  Trouble run_sequenced(std::vector<Slot>& slots);
  Trouble run_last(std::vector<Slot>& slots);
  Trouble commit();
  Trouble storage_trouble(Error error);
  void finish_all(Changes changes, std::vector<Slot>& slots, std::span<const StagedEvent> events);
  void refuse_all(Changes changes, const Error& error);

  TransactionalSession& session_;
  EventSequencer& sequencer_;
  WriterStats& stats_;
};

}  // namespace indaba::db
