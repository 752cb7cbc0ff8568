#include "job/ledger.hpp"

#include "base/json_write.hpp"
#include "base/text.hpp"
#include "db/index_order.hpp"
#include "job/ledger_sql.hpp"

#include <algorithm>

namespace indaba::job {

namespace {

constexpr int kPromoted = 1000;  // scheduled work made ready at once
constexpr std::size_t kMaxMessage = 2000;

Claimed read_claimed(const db::Row& r) {
  Claimed claimed;
  claimed.id = r.id<JobId>(0);
  claimed.fence = r.int64(1);
  claimed.uuid = r.string(2);
  claimed.task = r.string(3);
  claimed.arguments = r.string(4);
  claimed.org = r.id<OrgId>(5);
  claimed.user = r.id<UserId>(6);
  claimed.failures = static_cast<int>(r.int64(7));
  if (const auto left = r.maybe_int64(8)) claimed.left = Millis(*left);
  claimed.turn = r.int64(9);
  claimed.stream = r.id<StreamId>(10);
  claimed.cancelling = r.boolean(11);
  claimed.age = Millis(r.int64(12));
  claimed.suspected = static_cast<int>(r.int64(13));
  return claimed;
}

Result<std::vector<Claimed>> claim_some(db::Session& sql, std::int64_t worker, const Wish& wish) {
  std::vector<Claimed> taken;
  for (const auto& queue : wish.queues) {
    const auto left = wish.most - static_cast<int>(taken.size());
    if (left <= 0) break;
    INDABA_TRY(auto some, sql.all<Claimed>(ledger_sql::timed(sql.dialect()).claim, read_claimed,
                                           worker, queue, left));
    std::ranges::move(some, std::back_inserter(taken));
  }
  std::ranges::sort(taken, {}, [](const Claimed& c) { return std::pair(c.turn, c.id); });
  return taken;
}

std::string error_text(const Outcome& outcome) {
  std::string text = "{\"code\":";
  json::append_string(text, outcome.error_code);
  text += ",\"message\":";
  json::append_string(text, text::first_code_points(outcome.error_message, kMaxMessage));
  if (!outcome.error_log.empty()) {
    text += ",\"log\":";
    json::append_string(text, text::first_code_points(outcome.error_log, kMaxMessage));
  }
  text += '}';
  return text;
}

// What whoever follows the job is told of it.
std::string public_error(const Outcome& outcome) {
  Outcome told;
  told.error_code = outcome.error_code;
  told.error_message = outcome.error_message;
  return error_text(told);
}

bool goes(const Outcome& outcome) {
  return outcome.kind == Outcome::Kind::done && outcome.kept == Millis(0) && !outcome.stream;
}

State state_of(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::done:
      return State::done;
    case Outcome::Kind::cancelled:
      return State::cancelled;
    case Outcome::Kind::expired:
      return State::expired;
    default:
      return State::failed;
  }
}

void tell_end(db::WriteTx& tx, const Outcome& outcome, State state,
              const std::optional<std::string>& result, const std::optional<std::string>& error) {
  if (outcome.stream)
    tx.append({outcome.stream,
               std::string(kTaskEnded),
               ended_body(outcome.uuid, state, result, error),
               {}});
}

// It may have been cancelled meanwhile.
Result<std::int64_t> record_retry(db::WriteTx& tx, const Outcome& outcome, std::int64_t worker) {
  INDABA_TRY(const auto state,
             tx.sql().first<std::string>(
                 ledger_sql::timed(tx.sql().dialect()).again,
                 [](const db::Row& r) { return r.string(0); }, outcome.id, outcome.fence, worker,
                 error_text(outcome), std::int64_t{outcome.delay.count()}));
  if (!state) return 0;
  if (*state == to_string(State::cancelled)) tell_end(tx, outcome, State::cancelled, {}, {});
  return 1;
}

Result<std::int64_t> record_end(db::WriteTx& tx, const Outcome& outcome, std::int64_t worker) {
  const bool done = outcome.kind == Outcome::Kind::done;
  const auto result = done ? std::optional(outcome.result) : std::nullopt;
  const auto error = done ? std::nullopt : std::optional(error_text(outcome));
  const auto state = state_of(outcome.kind);
  INDABA_TRY_VOID(tx.sql().execute(ledger_sql::timed(tx.sql().dialect()).end, outcome.id,
                                   outcome.fence, worker, to_string(state), result, error,
                                   outcome.kind == Outcome::Kind::failed,
                                   std::int64_t{outcome.kept.count()}));
  const auto changed = tx.sql().changed();
  if (changed > 0)
    tell_end(tx, outcome, state, result,
             done ? std::nullopt : std::optional(public_error(outcome)));
  return changed;
}

Result<std::int64_t> record_one(db::WriteTx& tx, const Outcome& outcome, std::int64_t worker) {
  auto& sql = tx.sql();
  using Kind = Outcome::Kind;
  if (outcome.kind == Kind::retry) return record_retry(tx, outcome, worker);
  if (goes(outcome)) {
    INDABA_TRY_VOID(sql.execute(ledger_sql::kGone, outcome.id, outcome.fence, worker));
  } else if (outcome.kind == Kind::given_back) {
    INDABA_TRY_VOID(sql.execute(ledger_sql::kGiveBackRun, outcome.id, outcome.fence, worker,
                                outcome.stopped_well));
  } else if (outcome.kind == Kind::postponed) {
    INDABA_TRY_VOID(sql.execute(ledger_sql::timed(sql.dialect()).later, outcome.id, outcome.fence,
                                worker, error_text(outcome), std::int64_t{outcome.delay.count()}));
  } else {
    return record_end(tx, outcome, worker);
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
  INDABA_TRY_VOID(
      sql.execute(ledger_sql::kAllGone, db::Integers{ids}, db::Integers{fences}, worker));
  return sql.changed();
}

Result<Heard> beat_now(db::Session& sql, std::int64_t worker, const std::string& name, Millis alive,
                       const std::set<JobId>& held) {
  const auto& texts = ledger_sql::timed(sql.dialect());
  if (sql.dialect() == db::Dialect::postgres) {
    INDABA_TRY_VOID(sql.execute(texts.bury, worker));
    INDABA_TRY_VOID(sql.execute(texts.renew, worker, name, std::int64_t{alive.count()}));
    INDABA_TRY_VOID(sql.execute(ledger_sql::kTakeFromDead));
  }
  INDABA_TRY_VOID(db::prefer_index_order(sql));
  INDABA_TRY_VOID(sql.execute(texts.promote, kPromoted));
  Heard heard;
  std::vector<JobId> strays;
  heard.lost = held;
  INDABA_TRY_VOID(sql.run(ledger_sql::kMine, std::array{db::Param(worker)}, [&](const db::Row& r) {
    const auto id = r.id<JobId>(0);
    if (heard.lost.erase(id) == 0)
      strays.push_back(id);
    else if (r.boolean(1))
      heard.cancelling.push_back(id);
  }));
  for (const auto id : strays) {
    INDABA_TRY_VOID(sql.execute(ledger_sql::kGiveBack, id, worker));
  }
  INDABA_TRY(const auto ready, sql.first<std::int64_t>(ledger_sql::kAnyReady, [](const db::Row& r) {
    return r.int64(0);
  }));
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
      INDABA_TRY_VOID(sql.execute(ledger_sql::kForgetWorkers));
      INDABA_TRY_VOID(sql.execute(ledger_sql::kInherit));
    }
    return sql.execute(ledger_sql::timed(sql.dialect()).renew, worker, name,
                       std::int64_t{alive.count()});
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

Task<Result<Taken>> Ledger::claim(std::vector<Wish> wishes) {
  auto change = [worker = worker_, wishes = std::move(wishes)](db::WriteTx& tx) -> Result<Taken> {
    INDABA_TRY_VOID(db::prefer_index_order(tx.sql()));
    INDABA_TRY_VOID(tx.sql().execute(ledger_sql::timed(tx.sql().dialect()).promote, kPromoted));
    Taken taken{.of_wishes = {}, .more_due = tx.sql().changed() == kPromoted};
    for (const auto& wish : wishes) {
      INDABA_TRY(auto some, claim_some(tx.sql(), worker, wish));
      taken.of_wishes.push_back(std::move(some));
    }
    return taken;
  };
  auto writing = database_.write(db::Shard(worker_), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<bool>> Ledger::note_begun(JobId id, std::int64_t fence) {
  auto change = [worker = worker_, id, fence](db::WriteTx& tx) -> Result<bool> {
    INDABA_TRY_VOID(tx.sql().execute(ledger_sql::kBegun, id, fence, worker));
    return tx.sql().changed() > 0;
  };
  auto writing = database_.write(db::Shard(worker_), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  co_return written.value;
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
    return tx.sql().execute(ledger_sql::kProgress, id, fence, worker, thousandths, note);
  };
  auto writing = database_.write(db::Shard(worker_), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return Result<void>();
}

Task<Result<void>> Ledger::leave() {
  auto change = [worker = worker_](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(tx.sql().execute(ledger_sql::kGiveBackAll, worker));
    return tx.sql().execute(ledger_sql::kLeave, worker);
  };
  auto writing = database_.write(db::Shard(worker_), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return Result<void>();
}

}  // namespace indaba::job
