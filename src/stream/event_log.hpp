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

class EventLog final : public db::EventSequencer {
 public:
  explicit EventLog(const Clock& clock) : clock_(clock) {}

  // nullptr: nobody listens.
  void set_listener(CommitListener* listener) noexcept { listener_ = listener; }

  // Errors, each with the guilty change: not_found where the stream is gone, conflict where a
  // dedupe key was used with other content or the stream keeps no events
  // ("not_durable").
  Result<void> sequence(db::Session& session, std::span<db::StagedEvent> events,
                        std::optional<std::size_t>& guilty) override;
  void committed(std::span<const db::StagedEvent> events) override;

 private:
  const Clock& clock_;
  CommitListener* listener_ = nullptr;
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
// With all its events. A stream that is not there is no error.
[[nodiscard]] Result<void> delete_stream(db::Session& session, StreamId stream);
// After a restore: numbers that were given out since the backup will be given out again for other
// events, and only another epoch tells the readers. Says how many streams there are.
[[nodiscard]] Result<std::int64_t> new_epochs(db::Session& session, Random& random);

}  // namespace indaba::stream
