#include "job/ledger.hpp"

#include "base/json_write.hpp"
#include "db/sql_clock.hpp"

#include <algorithm>

namespace indaba::job {

namespace {

constexpr int kPromoted = 1000;  // scheduled work made ready at once
constexpr std::size_t kMaxMessage = 2000;

struct Statements {
  explicit Statements(db::Dialect dialect) {
    const auto now = db::sql_now(dialect);
    const bool postgres = dialect == db::Dialect::postgres;
    // Nobody waits for a row that another one is about to take.
    const std::string_view skip = postgres ? " FOR UPDATE SKIP LOCKED" : "";
    renew = fmt::format(
        "INSERT INTO job_workers (id, name, alive_until) VALUES ($1, $2, {0} + $3) ON CONFLICT "
        "(id) "
        "DO UPDATE SET alive_until = excluded.alive_until",
        now);
    bury = fmt::format("DELETE FROM job_workers WHERE alive_until < {0} AND id <> $1", now);
    promote = fmt::format(
        "UPDATE jobs SET state = 'ready' WHERE id IN (SELECT id FROM jobs WHERE state = "
        "'scheduled' "
        "AND due_at <= {0} ORDER BY due_at LIMIT $1{1})",
        now, skip);
    next_due = fmt::format(
        "SELECT CASE WHEN due_at > {0} THEN due_at - {0} ELSE 0 END FROM jobs WHERE state = "
        "'scheduled' ORDER BY due_at LIMIT 1",
        now);
    claim = fmt::format(
        "UPDATE jobs SET state = 'running', worker = $1, fence = fence + 1, begun_at = {0} WHERE "
        "id "
        "IN (SELECT id FROM jobs WHERE state = 'ready' AND queue = $2 ORDER BY priority, id LIMIT "
        "$3{1}) RETURNING id, fence, uuid, task, arguments, org_id, user_id, failures, CASE WHEN "
        "expires_at <= {0} THEN 1 ELSE 0 END, priority, stream_id",
        now, skip);
    end = fmt::format(
        "UPDATE jobs SET state = $4, worker = NULL, result = $5, error = $6, failures = failures + "
        "$7, progress = CASE WHEN $4 = 'done' THEN 1000 ELSE progress END, ended_at = {0}, "
        "forget_at = {0} + $8 WHERE id = $1 AND fence = $2 AND worker = $3 AND state = 'running'",
        now);
    again = fmt::format(
        "UPDATE jobs SET state = CASE WHEN cancelling = 1 THEN 'cancelled' ELSE 'scheduled' END, "
        "ended_at = CASE WHEN cancelling = 1 THEN {0} END, forget_at = CASE WHEN cancelling = 1 "
        "THEN "
        "{0} + 3600000 END, worker = NULL, error = $4, failures = failures + 1, due_at = {0} + $5 "
        "WHERE id = $1 AND fence = $2 AND worker = $3 AND state = 'running'",
        now);
  }
  std::string renew;
  std::string bury;
  std::string promote;
  std::string next_due;
  std::string claim;
  std::string end;
  std::string again;
};

const Statements& statements(db::Dialect dialect) {
  static const Statements sqlite(db::Dialect::sqlite);
  static const Statements postgres(db::Dialect::postgres);
  return dialect == db::Dialect::sqlite ? sqlite : postgres;
}

constexpr std::string_view kInherit =
    "UPDATE jobs SET state = 'ready', worker = NULL WHERE state = 'running'";
constexpr std::string_view kForgetWorkers = "DELETE FROM job_workers";
constexpr std::string_view kTakeFromDead =
    "UPDATE jobs SET state = 'ready', worker = NULL WHERE state = 'running' AND worker NOT IN "
    "(SELECT id FROM job_workers)";
constexpr std::string_view kAnyReady = "SELECT 1 FROM jobs WHERE state = 'ready' LIMIT 1";
constexpr std::string_view kMine =
    "SELECT id, cancelling FROM jobs WHERE state = 'running' AND worker = $1";
constexpr std::string_view kGiveBack =
    "UPDATE jobs SET state = 'ready', worker = NULL WHERE id = $1 AND worker = $2 AND state = "
    "'running'";
constexpr std::string_view kGiveBackRun =
    "UPDATE jobs SET state = 'ready', worker = NULL WHERE id = $1 AND fence = $2 AND worker = $3 "
    "AND state = 'running'";
constexpr std::string_view kGiveBackAll =
    "UPDATE jobs SET state = 'ready', worker = NULL WHERE worker = $1 AND state = 'running'";
constexpr std::string_view kLeave = "DELETE FROM job_workers WHERE id = $1";
constexpr std::string_view kGone =
    "DELETE FROM jobs WHERE id = $1 AND fence = $2 AND worker = $3 AND state = 'running'";
constexpr std::string_view kAllGone =
    "DELETE FROM jobs USING unnest($1::bigint[], $2::bigint[]) AS mine (id, fence) WHERE jobs.id = "
    "mine.id AND jobs.fence = mine.fence AND jobs.worker = $3 AND jobs.state = 'running'";
constexpr std::string_view kProgress =
    "UPDATE jobs SET progress = $4, note = $5 WHERE id = $1 AND fence = $2 AND worker = $3 AND "
    "state = 'running'";

Claimed read_claimed(const db::Row& r) {
  return {r.id<JobId>(0), r.int64(1),     r.string(2),       r.string(3),
          r.string(4),    r.id<OrgId>(5), r.id<UserId>(6),   static_cast<int>(r.int64(7)),
          r.boolean(8),   r.int64(9),     r.id<StreamId>(10)};
}

std::string error_text(const Outcome& outcome) {
  std::string text = "{\"code\":";
  json::append_string(text, outcome.error_code);
  text += ",\"message\":";
  json::append_string(text, std::string_view(outcome.error_message).substr(0, kMaxMessage));
  text += '}';
  return text;
}

bool goes(const Outcome& outcome) {
  return outcome.kind == Outcome::Kind::done && outcome.kept == Millis(0);
}

std::string_view state_of(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::done:
      return to_string(State::done);
    case Outcome::Kind::cancelled:
      return to_string(State::cancelled);
    case Outcome::Kind::expired:
      return to_string(State::expired);
    default:
      return to_string(State::failed);
  }
}

Result<std::int64_t> record_one(db::WriteTx& tx, const Outcome& outcome, std::int64_t worker) {
  auto& sql = tx.sql();
  using Kind = Outcome::Kind;
  const auto& texts = statements(sql.dialect());
  if (goes(outcome)) {
    INDABA_TRY_VOID(sql.execute(kGone, outcome.id, outcome.fence, worker));
  } else if (outcome.kind == Kind::given_back) {
    INDABA_TRY_VOID(sql.execute(kGiveBackRun, outcome.id, outcome.fence, worker));
  } else if (outcome.kind == Kind::retry) {
    INDABA_TRY_VOID(sql.execute(texts.again, outcome.id, outcome.fence, worker, error_text(outcome),
                                std::int64_t{outcome.delay.count()}));
  } else {
    const bool done = outcome.kind == Kind::done;
    const auto result = done ? std::optional(outcome.result) : std::nullopt;
    const auto error = done ? std::nullopt : std::optional(error_text(outcome));
    INDABA_TRY_VOID(sql.execute(texts.end, outcome.id, outcome.fence, worker,
                                state_of(outcome.kind), result, error, outcome.kind == Kind::failed,
                                std::int64_t{outcome.kept.count()}));
    if (sql.changed() > 0 && outcome.stream)
      tx.append(
          {outcome.stream,
           std::string(kTaskEnded),
           ended_body(outcome.uuid, parse_state(state_of(outcome.kind)).value_or(State::failed),
                      result, error),
           {}});
  }
  return sql.changed();
}

// The rows that go, by one statement.
Result<std::int64_t> forget_all(db::Session& sql, std::span<const Outcome> outcomes,
                                std::int64_t worker) {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> fences;
  for (const auto& outcome : outcomes) {
    if (!goes(outcome)) continue;
    ids.push_back(outcome.id.value);
    fences.push_back(outcome.fence);
  }
  if (ids.empty()) return 0;
  INDABA_TRY_VOID(sql.execute(kAllGone, db::Integers{ids}, db::Integers{fences}, worker));
  return sql.changed();
}

Result<Heard> beat_now(db::Session& sql, std::int64_t worker, const std::string& name, Millis alive,
                       const std::set<JobId>& held) {
  const auto& texts = statements(sql.dialect());
  if (sql.dialect() == db::Dialect::postgres) {
    INDABA_TRY_VOID(sql.execute(texts.renew, worker, name, std::int64_t{alive.count()}));
    INDABA_TRY_VOID(sql.execute(texts.bury, worker));
    INDABA_TRY_VOID(sql.execute(kTakeFromDead));
  }
  INDABA_TRY_VOID(sql.execute(texts.promote, kPromoted));
  Heard heard;
  std::vector<JobId> strays;
  heard.lost = held;
  INDABA_TRY_VOID(sql.run(kMine, std::array{db::Param(worker)}, [&](const db::Row& r) {
    const auto id = r.id<JobId>(0);
    if (heard.lost.erase(id) == 0)
      strays.push_back(id);
    else if (r.boolean(1))
      heard.cancelling.push_back(id);
  }));
  for (const auto id : strays) {
    INDABA_TRY_VOID(sql.execute(kGiveBack, id, worker));
  }
  INDABA_TRY(const auto ready,
             sql.first<std::int64_t>(kAnyReady, [](const db::Row& r) { return r.int64(0); }));
  heard.ready = ready.has_value();
  INDABA_TRY(const auto due,
             sql.first<std::int64_t>(texts.next_due, [](const db::Row& r) { return r.int64(0); }));
  if (due) heard.next_due = Millis(*due);
  return heard;
}

}  // namespace

Ledger::Ledger(db::Database& database, Random& random, std::string name, Millis alive)
    : database_(database),
      worker_(static_cast<std::int64_t>(random.below(std::uint64_t{1} << 53U))),
      name_(std::move(name)),
      alive_(alive) {}

Task<Result<void>> Ledger::open() {
  auto change = [worker = worker_, name = name_, alive = alive_](db::WriteTx& tx) -> Result<void> {
    auto& sql = tx.sql();
    if (sql.dialect() == db::Dialect::sqlite) {
      INDABA_TRY_VOID(sql.execute(kForgetWorkers));
      INDABA_TRY_VOID(sql.execute(kInherit));
    }
    return sql.execute(statements(sql.dialect()).renew, worker, name, std::int64_t{alive.count()});
  };
  auto writing = database_.write(db::Shard(worker_), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return Result<void>();
}

Task<Result<Heard>> Ledger::beat(std::set<JobId> held) {
  auto change = [worker = worker_, name = name_, alive = alive_, held = std::move(held)](
                    db::WriteTx& tx) { return beat_now(tx.sql(), worker, name, alive, held); };
  auto writing = database_.write(db::Shard(worker_), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<std::vector<Claimed>>> Ledger::claim(std::vector<std::string> queues, int most) {
  auto change = [worker = worker_, queues = std::move(queues),
                 most](db::WriteTx& tx) -> Result<std::vector<Claimed>> {
    const auto& texts = statements(tx.sql().dialect());
    INDABA_TRY_VOID(tx.sql().execute(texts.promote, kPromoted));
    std::vector<Claimed> taken;
    for (const auto& queue : queues) {
      const auto left = most - static_cast<int>(taken.size());
      if (left <= 0) break;
      INDABA_TRY(auto some, tx.sql().all<Claimed>(texts.claim, read_claimed, worker, queue, left));
      std::ranges::move(some, std::back_inserter(taken));
    }
    std::ranges::sort(taken, {}, [](const Claimed& c) { return std::pair(c.turn, c.id); });
    return taken;
  };
  auto writing = database_.write(db::Shard(worker_), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<std::int64_t>> Ledger::record(std::vector<Outcome> outcomes) {
  auto change = [worker = worker_,
                 outcomes = std::move(outcomes)](db::WriteTx& tx) -> Result<std::int64_t> {
    auto& sql = tx.sql();
    const bool together = sql.dialect() == db::Dialect::postgres;
    std::int64_t recorded = 0;
    if (together) {
      INDABA_TRY(recorded, forget_all(sql, outcomes, worker));
    }
    for (const auto& outcome : outcomes) {
      if (together && goes(outcome)) continue;
      INDABA_TRY(const auto changed, record_one(tx, outcome, worker));
      recorded += changed;
    }
    return recorded;
  };
  auto writing = database_.write(db::Shard(worker_), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return written.value;
}

Task<Result<bool>> Ledger::record_effect(Outcome outcome,
                                         std::function<Result<void>(db::WriteTx&)> effect,
                                         db::Shard shard) {
  auto change = [worker = worker_, outcome = std::move(outcome),
                 effect = std::move(effect)](db::WriteTx& tx) -> Result<bool> {
    INDABA_TRY(const auto recorded, record_one(tx, outcome, worker));
    if (recorded == 0) return false;
    INDABA_TRY_VOID(effect(tx));
    return true;
  };
  auto writing = database_.write(shard, change);
  INDABA_CO_TRY(const auto written, co_await writing);
  co_return written.value;
}

Task<Result<void>> Ledger::note_progress(JobId id, std::int64_t fence, double fraction,
                                         std::string note) {
  const auto thousandths = static_cast<std::int64_t>(std::clamp(fraction, 0.0, 1.0) * 1000);
  auto change = [worker = worker_, id, fence, thousandths,
                 note = std::move(note)](db::WriteTx& tx) {
    return tx.sql().execute(kProgress, id, fence, worker, thousandths, note);
  };
  auto writing = database_.write(db::Shard(worker_), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return Result<void>();
}

Task<Result<void>> Ledger::leave() {
  auto change = [worker = worker_](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(tx.sql().execute(kGiveBackAll, worker));
    return tx.sql().execute(kLeave, worker);
  };
  auto writing = database_.write(db::Shard(worker_), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return Result<void>();
}

}  // namespace indaba::job
