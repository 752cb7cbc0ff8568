#include "db/pg_session.hpp"

#include <algorithm>
#include <thread>

namespace indaba::db {

using namespace std::chrono_literals;

namespace {

constexpr Millis kFirstPause{50};
constexpr Millis kLongestPause{2000};
// So that our keys are nobody else's: the advisory locks of a database are common to all its users.
constexpr std::uint64_t kShardLocks = 0x1ada'ba00'5a4d'0001ULL;
constexpr std::size_t kMaxAsked = 1024;

constexpr std::string_view kSetLimits =
    "SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),"
    " set_config('idle_in_transaction_session_timeout', $3, true), $4::bigint";
constexpr std::size_t kLimitsPlace = 1;  // behind BEGIN
constexpr int kMarkColumn = 3;
constexpr std::string_view kTakeShards =
    "SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key";
constexpr std::string_view kNoteCommit =
    "WITH previous AS (DELETE FROM commits WHERE id = $2)"
    " INSERT INTO commits (id, lost, at)"
    " VALUES ($1, 0, (extract(epoch FROM now()) * 1000)::bigint)";
constexpr std::string_view kClaimLost =
    "INSERT INTO commits (id, lost, at)"
    " VALUES ($1, 1, (extract(epoch FROM now()) * 1000)::bigint)"
    " ON CONFLICT (id) DO UPDATE SET at = excluded.at RETURNING lost";

// What only reads, and reads the same if it is asked again.
bool is_plain_select(std::string_view sql) {
  return sql.starts_with("SELECT") && sql.find(" FOR ") == std::string_view::npos &&
         sql.find("pg_") == std::string_view::npos;
}

// SplitMix64's last step: spreads neighbouring numbers over all of them.
std::int64_t lock_key(std::int64_t shard) {
  auto z = static_cast<std::uint64_t>(shard) + kShardLocks;
  z = (z ^ (z >> 30U)) * 0xbf58'476d'1ce4'e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d0'49bb'1331'11ebULL;
  return static_cast<std::int64_t>(z ^ (z >> 31U));
}

Error rolled_back() {
  Error error(ErrorKind::unavailable, "The transaction was rolled back.");
  error.retry_after = 1s;
  return error;
}

}  // namespace

PgSession::PgSession(PgTarget target, Access access, PgTimes times)
    : target_(std::move(target)), access_(access), times_(times) {}

PgSession::~PgSession() = default;

PgSession::Deadline PgSession::deadline() const {
  return std::chrono::steady_clock::now() + times_.statement + times_.network;
}

Result<void> PgSession::connect() {
  if (connection_) connection_->settle(deadline());
  if (connection_ && !connection_->gone()) return {};
  const bool late = connection_ && connection_->late();
  connection_.reset();
  if (late) return pg_unreachable("no answer in time");  // who waited has waited long enough
  const auto now = std::chrono::steady_clock::now();
  if (now < next_try_) return pg_unreachable("waiting before the next try to connect");
  auto opened = PgConnection::open(target_);
  if (!opened) {
    // A little more each time, and not all nodes at the same moment.
    const auto most = std::min<std::int64_t>(kLongestPause.count(), kFirstPause.count()
                                                                        << std::min(failures_, 6));
    const auto pause = most / 2 + static_cast<std::int64_t>(
                                      random_.below(static_cast<std::uint64_t>(most / 2 + 1)));
    ++failures_;
    next_try_ = std::chrono::steady_clock::now() + Millis(pause);
    return std::move(opened).error();
  }
  failures_ = 0;
  connection_ = *std::move(opened);
  return {};
}

void PgSession::set_shards(std::vector<std::int64_t> keys) {
  std::ranges::transform(keys, keys.begin(), lock_key);
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  shards_ = std::move(keys);
}

Result<void> PgSession::begin() {
  aborted_ = went_on_ = another_try_ = storage_failed_ = wrote_ = open_ = false;
  asked_.clear();
  if (auto connected = connect(); !connected) {
    storage_failed_ = true;
    return connected;
  }
  send_begin();
  open_ = true;
  return {};
}

// Goes out with the first statement: a transaction's begin costs no round trip.
void PgSession::send_begin() {
  connection_->send(access_ == Access::read_only ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                                                 : "BEGIN");
  send_limits(times_.statement, times_.lock, times_.idle);
  if (shards_.empty()) return;
  const std::array<Param, 1> keys{Param(Integers{shards_})};
  connection_->send(kTakeShards, keys);
}

void PgSession::send_limits(Millis statement, Millis lock, Millis idle) {
  mark_ = new_id();
  const std::array<std::string, 3> limits{std::to_string(statement.count()),
                                          std::to_string(lock.count()),
                                          std::to_string(idle.count())};
  const std::array<Param, 4> params{Param(limits[0]), Param(limits[1]), Param(limits[2]),
                                    Param(*mark_)};
  connection_->send(kSetLimits, params);
}

// The first answers of a transaction have to give its mark back: where a pooler has mixed up its
// clients, they are somebody else's.
PgConnection::Answers PgSession::sync(Deadline deadline) {
  auto answers = connection_->sync(deadline);
  const auto mark = std::exchange(mark_, std::nullopt);
  if (!mark || answers.failure) return answers;
  const auto* told =
      answers.results.size() > kLimitsPlace ? answers.results[kLimitsPlace].get() : nullptr;
  if (PQntuples(told) == 1 && PQnfields(told) == kMarkColumn + 1 &&
      PgRow(told, 0).int64(kMarkColumn) == *mark)
    return answers;
  answers.broken = true;
  answers.failure =
      PgFailure{pg_unreachable("the answer to somebody else's question"), false, true};
  return answers;
}

// What a failure means for the transaction, and the error for the caller.
Error PgSession::note(PgFailure failure) {
  aborted_ = true;
  if (failure.another_try) another_try_ = true;
  const bool standby = failure.read_only && access_ == Access::read_write;
  if (failure.connection_over || standby) {
    connection_.reset();
    // Certainly not committed: nobody has sent a COMMIT. A connection that was closed tells so at
    // once, and a restarted pooler costs nobody an error; one that is silent has taken the time
    // that there is.
    another_try_ = !failure.late;
  }
  if (failure.error.kind == ErrorKind::unavailable) storage_failed_ = true;
  return std::move(failure.error);
}

Result<void> PgSession::check_usable() {
  if (aborted_) went_on_ = true;
  if (!open_ || aborted_ || !connection_) return rolled_back();
  return {};
}

void PgSession::count(const PgConnection::Answers& answers) {
  for (const auto& result : answers.results)
    if (const auto rows = rows_changed(result.get())) {
      changed_ = *rows;
      writes_ += *rows;
    }
}

Result<void> PgSession::run(std::string_view sql, std::span<const Param> params,
                            const RowCallback& on_row) {
  INDABA_TRY_VOID(check_usable());
  const PgParams encoded(params);
  const bool plain = is_plain_select(sql);
  if (!plain) wrote_ = true;
  if (careful_) return run_carefully(sql, encoded, on_row);
  const bool keep = plain && !wrote_ && access_ == Access::read_write;
  std::string key = keep ? encoded.key(sql) : std::string();
  if (keep) {
    if (const auto known = asked_.find(key); known != asked_.end()) {
      const auto rows = known->second;
      for_each_row(rows, on_row);
      return {};
    }
  }
  connection_->send(sql, encoded);
  auto answers = sync(deadline());
  if (answers.failure) return note(*std::move(answers.failure));
  count(answers);
  const auto result = std::move(answers.results.back());
  if (auto readable = check_columns(result.get(), sql); !readable) return readable;
  if (keep && asked_.size() < kMaxAsked) asked_.emplace(std::move(key), result);
  for_each_row(result, on_row);
  return {};
}

Result<void> PgSession::run_carefully(std::string_view sql, const PgParams& params,
                                      const RowCallback& on_row) {
  // What was sent before is not ours to take back.
  connection_->send("SAVEPOINT one");
  if (auto before = sync(deadline()); before.failure) return note(*std::move(before.failure));
  connection_->send(sql, params);
  connection_->send("RELEASE SAVEPOINT one");
  auto answers = sync(deadline());
  if (!answers.failure) {
    count(answers);
    const auto result = answers.results.front();
    INDABA_TRY_VOID(check_columns(result.get(), sql));
    for_each_row(result, on_row);
    return {};
  }
  if (answers.broken || answers.failure->another_try || answers.failure->connection_over)
    return note(*std::move(answers.failure));
  auto error = std::move(answers.failure->error);
  connection_->send("ROLLBACK TO SAVEPOINT one");
  if (auto back = sync(deadline()); back.failure) return note(*std::move(back.failure));
  if (error.kind == ErrorKind::unavailable) storage_failed_ = true;
  return error;
}

Result<void> PgSession::run_later(std::string_view sql, std::span<const Param> params) {
  INDABA_TRY_VOID(check_usable());
  wrote_ = true;
  ++writes_;
  connection_->send(sql, params);
  return {};
}

std::int64_t PgSession::new_id() {
  return static_cast<std::int64_t>(random_.below(std::uint64_t{1} << 63U));
}

CommitOutcome PgSession::commit(Error& why) {
  if (auto usable = check_usable(); !usable) {
    why = std::move(usable).error();
    rollback();
    return CommitOutcome::rolled_back;
  }
  if (wrote_) return commit_written(why);
  rollback();  // nothing was written: nothing can be lost
  return CommitOutcome::committed;
}

CommitOutcome PgSession::commit_written(Error& why) {
  commit_id_ = new_id();
  const std::array<Param, 2> ids{Param(commit_id_), Param(previous_commit_)};
  connection_->send(kNoteCommit, ids);
  connection_->send("COMMIT");
  auto answers = sync(deadline());
  open_ = false;
  if (!answers.failure) {
    count(answers);
    if (std::string_view(PQcmdStatus(answers.results.back().get())) == "COMMIT") {
      previous_commit_ = commit_id_;
      return CommitOutcome::committed;
    }
    why = rolled_back();
    return CommitOutcome::rolled_back;
  }
  // A server that goes down may say so after it has committed.
  if (answers.broken || answers.failure->connection_over) {
    connection_.reset();
    storage_failed_ = aborted_ = true;
    why = std::move(answers.failure->error);
    return CommitOutcome::unknown;
  }
  open_ = true;
  why = note(*std::move(answers.failure));
  rollback();
  return CommitOutcome::rolled_back;
}

void PgSession::rollback() {
  asked_.clear();
  if (!std::exchange(open_, false) || !connection_) return;
  connection_->send("ROLLBACK");
  connection_->finish_later();
  if (connection_->broken()) connection_.reset();
}

std::optional<CommitOutcome> PgSession::resolve(Millis patience, Error& why) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (auto connected = connect(); connected) {
      if (const auto outcome = look_for_commit(end, why)) return outcome;
    } else {
      why = std::move(connected).error();
    }
    if (std::chrono::steady_clock::now() + kFirstPause >= end) return CommitOutcome::unknown;
    std::this_thread::sleep_for(kFirstPause);
  }
}

// Where the first commit is undecided still, this waits for it; by the limit on locks it tries
// again.
std::optional<CommitOutcome> PgSession::look_for_commit(Deadline end, Error& why) {
  const auto left = std::chrono::duration_cast<Millis>(end - std::chrono::steady_clock::now());
  const auto limit = std::max(left, Millis(100));
  const std::array<Param, 1> id{Param(commit_id_)};
  connection_->send("BEGIN");
  send_limits(limit, limit, limit);
  connection_->send(kClaimLost, id);
  connection_->send("COMMIT");
  const auto answers =
      sync(std::max(end, std::chrono::steady_clock::now() + 100ms) + times_.network);
  if (answers.failure) {
    why = answers.failure->error;
    if (answers.broken || answers.failure->connection_over || answers.failure->read_only) {
      connection_.reset();
    } else {
      connection_->send("ROLLBACK");
      connection_->finish_later();
    }
    return std::nullopt;
  }
  const bool lost = PgRow(answers.results[2].get(), 0).boolean(0);
  if (lost) return CommitOutcome::rolled_back;
  previous_commit_ = commit_id_;
  return CommitOutcome::committed;
}

Result<void> PgSession::script(const std::string& sql) {
  INDABA_TRY_VOID(connect());
  return connection_->script(sql);
}

}  // namespace indaba::db
