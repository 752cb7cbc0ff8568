// Database: read() and write(), the only two ways to the data.
//
// write(shard, change) queues a change for a writer. A writer runs all changes that wait in ONE
// transaction and answers them all after one commit (group commit): that is what makes a
// synchronous commit nearly free. There is no savepoint a change; where one fails after it wrote,
// the group is rolled back and its changes run again one by one, so that only the guilty one is
// refused. Therefore a change may run more than once, and must not consume what it captured.
// read(query) runs on a pool of reader threads, each with a short snapshot of its own.
//
// Both are awaited on an executor (base/executor.hpp) and resume there. Queues are bounded: past
// the bound the answer is `unavailable` at once. Nobody is told a guess of a commit whose answer
// was lost: SQLite's ends the process; PostgreSQL's is looked for, and where that takes too long
// its callers are told so (`unavailable`, "outcome_unknown").
#pragma once

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "db/session.hpp"
#include "db/writer_stats.hpp"

#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace indaba::db {

// An event that a change wants appended to a stream when its group commits. `body` is what stands
// after the common members in the flat JSON object: "" or ",\"task_id\":123,…" without the closing
// brace.
struct EventDraft {
  StreamId stream;
  std::string type;
  std::string body;
  std::string dedupe_key;  // empty: none
};

// What became of a draft. `duplicate`: its key was used before with the same content, and this is
// the first one's place.
struct Appended {
  StreamId stream;
  Seq seq;
  WallTime created_at{};
  bool duplicate = false;
};

// What a change sees: a session to run statements on, and the events it stages.
class WriteTx {
 public:
  explicit WriteTx(Session& session) : session_(session) {}

  [[nodiscard]] Session& sql() noexcept { return session_; }
  // Stages an event. Its `seq` is given out at the end of the group; Written<T>::events has it in
  // the order of the calls.
  void append(EventDraft draft) { drafts_.push_back(std::move(draft)); }
  // Stages an event beside those of the caller: its place is not among Written<T>::events.
  void append_aside(EventDraft draft) { asides_.push_back(std::move(draft)); }
  // Takes this stream's row together with those of the group's events, in the order of their ids:
  // for a change that writes it, which it does when_sequenced() and not before. One that is gone is
  // no error.
  void take(StreamId stream) { taken_.push_back(stream); }
  // Runs `work` in the same transaction once the events of this change have their numbers: for rows
  // that must name them, such as a kept response.
  using Sequenced = std::function<Result<void>(Session&, std::span<const Appended>)>;
  void when_sequenced(Sequenced work) { sequenced_.push_back(std::move(work)); }
  // Runs `work` in the same transaction when all else of the whole group is done: for what gets
  // cheaper where nothing comes between, such as an index of words.
  using AtEnd = std::function<Result<void>(Session&)>;
  void at_end(AtEnd work) { at_end_.push_back(std::move(work)); }
  // Runs `work` on the writer's thread once this is committed, before the caller is answered: what
  // others remember is told before anybody can ask. It must neither block nor throw.
  using Committed = std::function<void()>;
  void after_commit(Committed work) { after_commit_.push_back(std::move(work)); }

  [[nodiscard]] const std::vector<EventDraft>& drafts() const noexcept { return drafts_; }
  [[nodiscard]] const std::vector<EventDraft>& asides() const noexcept { return asides_; }
  [[nodiscard]] const std::vector<StreamId>& taken() const noexcept { return taken_; }
  [[nodiscard]] const std::vector<Committed>& committed() const noexcept { return after_commit_; }
  [[nodiscard]] const std::vector<Sequenced>& sequenced() const noexcept { return sequenced_; }
  [[nodiscard]] const std::vector<AtEnd>& last_works() const noexcept { return at_end_; }

 private:
  Session& session_;
  std::vector<EventDraft> drafts_;
  std::vector<EventDraft> asides_;
  std::vector<StreamId> taken_;
  std::vector<Sequenced> sequenced_;
  std::vector<AtEnd> at_end_;
  std::vector<Committed> after_commit_;
};

// One caller's change, owned by the queue until it is answered.
class Change {
 public:
  virtual ~Change() = default;
  // On a writer thread, inside the transaction; may run more than once.
  virtual Result<void> apply(WriteTx& tx) = 0;
  // On a writer thread, once: after the commit, or with the reason why not.
  virtual void finish(Result<std::vector<Appended>> outcome) = 0;
};

class Query {
 public:
  virtual ~Query() = default;
  virtual void run(Session& session) = 0;  // on a reader thread, inside a snapshot
  virtual void refuse(Error error) = 0;    // instead of run()
};

// Which writer a change goes to where there are several. Changes of one shard run one after the
// other, in order, on all nodes: what a change reads of its shard holds until it is committed.
struct Shard {
  std::int64_t key = 0;
  Shard() = default;
  explicit Shard(std::int64_t k) : key(k) {}
  explicit Shard(OrgId org) : key(org.value) {}
};

template <class T>
struct Written {
  T value;
  std::vector<Appended> events;
};

class Database {
 public:
  virtual ~Database() = default;
  virtual void submit(Shard shard, std::unique_ptr<Change> change) = 0;
  virtual void submit(std::unique_ptr<Query> query) = 0;
  // Refuses new work and finishes what is queued. On the thread that ends the program.
  virtual void stop() = 0;

  [[nodiscard]] virtual Dialect dialect() const noexcept = 0;
  [[nodiscard]] virtual const WriterStats& stats() const noexcept = 0;
  // How many migrations were applied when it was opened.
  [[nodiscard]] virtual int migrated() const noexcept = 0;

  // auto change = [=](db::WriteTx& tx) -> Result<TaskId> { … };
  // auto written = co_await database.write(db::Shard(org), change);      // Result<Written<TaskId>>
  // For a change that returns Result<void>, Written<std::monostate>.
  template <class F>
  [[nodiscard]] auto write(Shard shard, F change);

  // auto page = co_await database.read(query);       // whatever Result<T> the query returned
  template <class F>
  [[nodiscard]] auto read(F query);
};

}  // namespace indaba::db

#include "db/database_await.hpp"
