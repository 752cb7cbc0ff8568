// The seam between the writer and the event log: the writer knows transactions, the log knows
// streams.
#pragma once

#include "db/database.hpp"

#include <span>

namespace indaba::db {

// One staged event of a group, with the change that staged it.
struct StagedEvent {
  const EventDraft* draft = nullptr;
  std::size_t change = 0;  // index of the change in its group
  Appended result;
  bool aside = false;  // its change is not told of its place
};

class EventSequencer {
 public:
  virtual ~EventSequencer() = default;

  // On a writer thread, inside the transaction, when all changes of the group have run: takes the
  // stream rows, those of `taken` too, in the order of their ids, gives out `seq`, and inserts the
  // events. An error names
  // the guilty change in `guilty`, where one change is to blame (a dedupe key with other content, a
  // stream that is gone); the writer then refuses it and runs the others again.
  virtual Result<void> sequence(Session& session, std::span<StagedEvent> events,
                                std::span<const StreamId> taken,
                                std::optional<std::size_t>& guilty) = 0;

  // On the same thread, after the commit and before any change's finish(): who has an answer, may
  // rely on what is noted here. Must be quick. `events` as in committed().
  virtual void settled(std::span<const StagedEvent> /*events*/) {}

  // On the same thread, after the commit and after every change's finish(): hands the events on to
  // those who listen. Only events that were really appended (no duplicates), in the order of their
  // streams' `seq`.
  virtual void committed(std::span<const StagedEvent> events) = 0;
};

}  // namespace indaba::db
