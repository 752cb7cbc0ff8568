// Queue: background work as rows of the database, put there by the change that wants it.
//
// enqueue() inside a feature's change is one more statement of its transaction: the work exists if,
// and only if, the change does. What became of it can be asked for until it is forgotten.
//
// All but when_enqueued() runs on a database thread, inside a change or a query; errors of the
// database are passed on. Times are the database's.
#pragma once

#include "base/random.hpp"
#include "job/definition.hpp"

#include <optional>
#include <span>

namespace indaba::job {

struct Wanted {
  std::string task;
  boost::json::object arguments{};  // at most 256 KiB as text
  OrgId org{};
  UserId user{};
  Millis delay{0};                // not before this is over
  Millis expires{0};              // not begun when this is over: never; 0: no end
  bool followed = false;          // with a stream of its own: task_progress, and task_ended at last
  std::string unique_key{};       // while one of this key is not ended, it is that one
  std::optional<int> priority{};  // the definition's, where none is given
  std::optional<std::string> queue{};
};

struct Enqueued {
  JobId id;
  std::string uuid;
  bool fresh = true;  // false: there was one with this key
};

enum class State : unsigned char { scheduled, ready, running, done, failed, cancelled, expired };
[[nodiscard]] std::string_view to_string(State state) noexcept;
[[nodiscard]] std::optional<State> parse_state(std::string_view text) noexcept;

struct Job {
  JobId id;
  std::string uuid;
  std::string task;
  std::string queue;
  int priority = 0;
  State state = State::ready;
  std::string arguments;  // JSON
  OrgId org;
  UserId user;
  StreamId stream;  // none: nobody follows it
  WallTime due_at{};
  int failures = 0;
  bool cancelling = false;
  double progress = 0;  // of 1
  std::string note;
  std::optional<std::string> result;  // JSON
  std::optional<std::string> error_code;
  std::optional<std::string> error_message;
  std::optional<std::string> error_log;  // for the operator alone
  WallTime created_at{};
  std::optional<WallTime> begun_at;
  std::optional<WallTime> ended_at;
};

struct Listing {
  std::optional<State> state{};
  std::optional<std::string> task{};
  std::optional<OrgId> org{};
  JobId before{};  // older than this; none: the newest
  int limit = 50;
};

// What waits and runs, for operators.
struct Figures {
  std::int64_t scheduled = 0;
  std::int64_t ready = 0;
  std::int64_t running = 0;
  std::int64_t failed = 0;
  Millis oldest{0};  // how long the one that is due for the longest waits
};

class Queue {
 public:
  // What has to hear of new work: `delay` is when it is due. Any thread; must not block.
  using Bell = std::function<void(Millis delay)>;

  // All outlive this.
  Queue(const Registry& registry, const Clock& clock, Random& random)
      : registry_(registry), clock_(clock), random_(random) {}

  // Before anything is enqueued. Rings after the commit.
  void when_enqueued(Bell bell) { bells_.push_back(std::move(bell)); }
  void ring(Millis delay) const;

  // A task that nobody knows is a broken invariant; arguments that are too large an `invalid`.
  [[nodiscard]] Result<Enqueued> enqueue(db::WriteTx& tx, const Wanted& wanted) const;
  // Many of them by one statement, without keys.
  [[nodiscard]] Result<void> enqueue_all(db::WriteTx& tx, std::span<const Wanted> wanted) const;

 private:
  const Registry& registry_;
  const Clock& clock_;
  Random& random_;
  std::vector<Bell> bells_;
};

[[nodiscard]] Result<std::optional<Job>> find_job(db::Session& session, JobId id);
[[nodiscard]] Result<std::optional<Job>> find_job(db::Session& session, std::string_view uuid);
[[nodiscard]] Result<std::vector<Job>> list_jobs(db::Session& session, const Listing& listing);
[[nodiscard]] Result<Figures> count_jobs(db::Session& session);

// What waits ends here; what runs is asked to stop (`cancelling`). nullopt: there is none, or it
// has ended.
[[nodiscard]] Result<std::optional<State>> cancel_job(db::WriteTx& tx, JobId id);
// One that failed, expired or was cancelled, from its beginning. False: it is none of these.
[[nodiscard]] Result<bool> retry_job(db::WriteTx& tx, JobId id);
// The types of the events on tasks/{uuid}; the first is ephemeral.
inline constexpr std::string_view kTaskProgress = "task_progress";
inline constexpr std::string_view kTaskEnded = "task_ended";
// `,"task_id":"…","status":"done"`, and the result or the error: the body of the event task_ended.
// `result` and `error` are JSON.
[[nodiscard]] std::string ended_body(std::string_view uuid, State state,
                                     const std::optional<std::string>& result,
                                     const std::optional<std::string>& error);
// Those that may be forgotten, so many at a time. How many there were.
[[nodiscard]] Result<std::int64_t> forget_old_jobs(db::WriteTx& tx, int most);
// All that ended in `state`.
[[nodiscard]] Result<std::int64_t> purge_jobs(db::WriteTx& tx, State state, int most);

}  // namespace indaba::job
