// EventLog: gives the events of a group their places in their streams, and stores them.
//
// sequence() and committed() run on a writer thread; set_listener() before the first write. The
// functions below it run inside any transaction. Invariants: `seq` has no holes and commits in
// order; `created_at` never goes backwards within a stream; a dedupe key names one event of its
// stream as long as that event is kept.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "db/event_sequencer.hpp"
#include "stream/event.hpp"

#include <span>
#include <string>
#include <string_view>

namespace indaba::stream {

// Who is told what has been committed (the hub). On a writer thread, in the order of every stream's
// `seq`; must not block or throw.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  virtual void on_committed(std::span<const EventPtr> events) = 0;
};

// On the writer's thread; must be quick.
class HeadListener {
 public:
  virtual ~HeadListener() = default;
  // A stream's new head has committed; before whoever wrote it is answered.
  virtual void on_settled(StreamId stream, Seq head) = 0;
  // A writer has the stream's row, and so nobody can append meanwhile: the log ends with `head`.
  // Told where other processes write the log as well.
  virtual void on_taken(StreamId /*stream*/, Seq /*head*/) {}
};

class EventLog final : public db::EventSequencer {
 public:
  explicit EventLog(const Clock& clock) : clock_(clock) {}

  // nullptr: nobody listens.
  void set_listener(CommitListener* listener) noexcept { listener_ = listener; }
  // At start-up. nullptr: nobody.
  void set_head_listener(HeadListener* listener) noexcept { heads_ = listener; }

  // Errors, each with the guilty change: not_found where the stream is gone, conflict where a
  // dedupe key was used with other content or the stream keeps no events
  // ("not_durable").
  Result<void> sequence(db::Session& session, std::span<db::StagedEvent> events,
                        std::span<const StreamId> taken,
                        std::optional<std::size_t>& guilty) override;
  void settled(std::span<const db::StagedEvent> events) override;
  void committed(std::span<const db::StagedEvent> events) override;

 private:
  const Clock& clock_;
  CommitListener* listener_ = nullptr;
  HeadListener* heads_ = nullptr;
};

struct NewStream {
  std::string_view kind;  // "notifications", "topic", "me", "task", …: what retention goes by
  OrgId org;
  UserId user;
  bool durable = true;
  std::optional<Millis> retention;  // its own, instead of its kind's
};

[[nodiscard]] Result<StreamId> create_stream(db::Session& session, const NewStream& stream,
                                             const Clock& clock, Random& random);
// With all its events, once the group's events have their places. A stream that is not there is no
// error.
void delete_stream(db::WriteTx& tx, StreamId stream);
// The stream begins another epoch, where it is still in `over`.
void begin_epoch(db::WriteTx& tx, StreamId stream, std::string over, Random& random);
// After a restore: numbers that were given out since the backup will be given out again for other
// events, and only another epoch tells the readers. Says how many streams there are.
[[nodiscard]] Result<std::int64_t> new_epochs(db::Session& session, Random& random);

}  // namespace indaba::stream
