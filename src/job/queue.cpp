#include "job/queue.hpp"

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/json_write.hpp"
#include "base/uuid.hpp"
#include "db/sql_clock.hpp"
#include "stream/event_log.hpp"

#include <array>

namespace indaba::job {

namespace {

constexpr std::size_t kMaxArguments = std::size_t{256} << 10U;
constexpr std::array kStates{std::pair(State::scheduled, std::string_view("scheduled")),
                             std::pair(State::ready, std::string_view("ready")),
                             std::pair(State::running, std::string_view("running")),
                             std::pair(State::done, std::string_view("done")),
                             std::pair(State::failed, std::string_view("failed")),
                             std::pair(State::cancelled, std::string_view("cancelled")),
                             std::pair(State::expired, std::string_view("expired"))};

// Once for each database: a statement is prepared by its text.
struct Statements {
  explicit Statements(db::Dialect dialect) {
    const auto now = db::sql_now(dialect);
    insert = fmt::format(
        "INSERT INTO jobs (uuid, task, queue, priority, state, arguments, org_id, user_id, "
        "unique_key, due_at, expires_at, created_at, wanted_at) VALUES ($1, $2, $3, $4, $5, $6, "
        "$7, "
        "$8, $9, {0} + $10, {0} + $11, {0}, CASE WHEN $10 > 0 THEN {0} + $10 END) ON CONFLICT "
        "(unique_key) WHERE unique_key IS NOT NULL AND "
        "state IN ('scheduled', 'ready', 'running') DO NOTHING RETURNING id",
        now);
    insert_all = fmt::format(
        "INSERT INTO jobs (uuid, task, queue, priority, state, arguments, org_id, user_id, due_at, "
        "expires_at, created_at, wanted_at) SELECT uuid, task, queue, priority, state, arguments, "
        "nullif(org, 0), nullif(who, 0), {0} + delay, {0} + nullif(expires, 0), {0}, {0} + "
        "nullif(delay, 0) FROM "
        "unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], "
        "$7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[]) AS new (uuid, task, queue, "
        "priority, state, arguments, org, who, delay, expires)",
        now);
    cancel = fmt::format(
        "UPDATE jobs SET state = CASE WHEN state = 'running' THEN 'running' ELSE 'cancelled' END, "
        "cancelling = 1, ended_at = CASE WHEN state = 'running' THEN NULL ELSE {0} END, "
        "forget_at = CASE WHEN state = 'running' THEN NULL ELSE {0} + 3600000 END WHERE id = $1 "
        "AND state IN ('scheduled', 'ready', 'running') RETURNING state, uuid, stream_id",
        now);
    retry = fmt::format(
        "UPDATE jobs SET state = 'ready', failures = 0, suspected = 0, cancelling = 0, progress = "
        "0, note = NULL, "
        "error = NULL, result = NULL, due_at = {0}, wanted_at = {0}, expires_at = NULL, begun_at = "
        "NULL, ended_at = "
        "NULL, forget_at = NULL WHERE id = $1 AND state IN ('failed', 'cancelled', 'expired')",
        now);
    // A row may be run again in this very moment: what is asked of it is asked once more.
    const std::string_view skip = dialect == db::Dialect::postgres ? " FOR UPDATE SKIP LOCKED" : "";
    forget = fmt::format(
        "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE forget_at <= {0} LIMIT $1{1}) AND "
        "forget_at <= {0} RETURNING stream_id",
        now, skip);
    purge = fmt::format(
        "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state = $1 LIMIT $2{}) AND state "
        "= $1 RETURNING stream_id",
        skip);
    // Each by its own index.
    count = fmt::format(
        "SELECT 'scheduled', count(*), coalesce({0} - min(due_at), 0) FROM jobs WHERE state = "
        "'scheduled' UNION ALL SELECT 'ready', count(*), coalesce({0} - min(due_at), 0) FROM jobs "
        "WHERE state = 'ready' UNION ALL SELECT 'running', count(*), 0 FROM jobs WHERE state = "
        "'running' UNION ALL SELECT 'failed', count(*), 0 FROM jobs WHERE state = 'failed'",
        now);
  }
  std::string insert;
  std::string insert_all;
  std::string cancel;
  std::string retry;
  std::string forget;
  std::string purge;
  std::string count;
};

const Statements& statements(db::Dialect dialect) {
  static const Statements sqlite(db::Dialect::sqlite);
  static const Statements postgres(db::Dialect::postgres);
  return dialect == db::Dialect::sqlite ? sqlite : postgres;
}

constexpr std::string_view kSetStream = "UPDATE jobs SET stream_id = $2 WHERE id = $1";
constexpr std::string_view kByKey =
    "SELECT id, uuid FROM jobs WHERE unique_key = $1 AND state IN ('scheduled', 'ready', "
    "'running')";
#define INDABA_JOB_COLUMNS                                                                 \
  "id, uuid, task, queue, priority, state, arguments, org_id, user_id, due_at, failures, " \
  "cancelling, progress, note, result, error, created_at, begun_at, ended_at, stream_id"
constexpr std::string_view kById = "SELECT " INDABA_JOB_COLUMNS " FROM jobs WHERE id = $1";
constexpr std::string_view kByUuid = "SELECT " INDABA_JOB_COLUMNS " FROM jobs WHERE uuid = $1";
constexpr std::string_view kList = "SELECT " INDABA_JOB_COLUMNS " FROM jobs WHERE id < $1";
#undef INDABA_JOB_COLUMNS
std::optional<WallTime> maybe_time(const db::Row& r, int column) {
  const auto millis = r.maybe_int64(column);
  return millis ? std::optional(from_millis(*millis)) : std::nullopt;
}

Job read_job(const db::Row& r) {
  Job job;
  job.id = r.id<JobId>(0);
  job.uuid = r.string(1);
  job.task = r.string(2);
  job.queue = r.string(3);
  job.priority = static_cast<int>(r.int64(4));
  job.state = parse_state(r.text(5)).value_or(State::failed);
  job.arguments = r.string(6);
  job.org = r.id<OrgId>(7);
  job.user = r.id<UserId>(8);
  job.due_at = from_millis(r.int64(9));
  job.failures = static_cast<int>(r.int64(10));
  job.cancelling = r.boolean(11);
  job.progress = static_cast<double>(r.int64(12)) / 1000;
  job.note = r.string(13);
  job.result = r.maybe_string(14);
  if (const auto error = json::parse(r.text(15)); error && error->is_object()) {
    const auto member = [&](std::string_view name) -> std::optional<std::string> {
      const auto* found = error->get_object().if_contains(name);
      if (found == nullptr || !found->is_string()) return std::nullopt;
      return std::string(found->get_string());
    };
    job.error_code = member("code");
    job.error_message = member("message");
    job.error_log = member("log");
  }
  job.created_at = from_millis(r.int64(16));
  job.begun_at = maybe_time(r, 17);
  job.ended_at = maybe_time(r, 18);
  job.stream = r.id<StreamId>(19);
  return job;
}

// With the streams of those that have one.
Result<std::int64_t> remove_jobs(db::WriteTx& tx, std::string_view statement,
                                 std::span<const db::Param> params) {
  std::vector<StreamId> streams;
  std::int64_t removed = 0;
  INDABA_TRY_VOID(tx.sql().run(statement, params, [&](const db::Row& r) {
    ++removed;
    if (!r.is_null(0)) streams.push_back(r.id<StreamId>(0));
  }));
  for (const auto stream : streams) stream::delete_stream(tx, stream);
  return removed;
}

// A row to be, with all that is left out filled in.
struct Row {
  std::string uuid;
  std::string_view task;
  std::string_view queue;
  std::int64_t priority = 0;
  std::string_view state;
  std::string arguments;
};

Result<Row> row_of(const Wanted& wanted, const Registry& registry, const Clock& clock,
                   Random& random) {
  const auto* definition = registry.find(wanted.task);
  check(definition != nullptr, "a task that is wanted is declared");
  Row row;
  row.arguments = json::to_text(wanted.arguments);
  if (row.arguments.size() > kMaxArguments)
    return Error(ErrorKind::invalid, "The arguments of the work are too large.");
  row.uuid = new_uuid(clock.wall(), random);
  row.task = definition->name;
  row.queue = wanted.queue ? std::string_view(*wanted.queue) : definition->queue;
  row.priority = std::clamp(wanted.priority.value_or(definition->priority), 0, 9);
  row.state = to_string(wanted.delay > Millis(0) ? State::scheduled : State::ready);
  return row;
}

}  // namespace

std::string_view to_string(State state) noexcept {
  for (const auto& [one, name] : kStates)
    if (one == state) return name;
  return {};
}

std::optional<State> parse_state(std::string_view text) noexcept {
  for (const auto& [state, name] : kStates)
    if (name == text) return state;
  return std::nullopt;
}

void Queue::ring(Millis delay) const {
  for (const auto& bell : bells_) bell(delay);
}

Result<Enqueued> Queue::enqueue(db::WriteTx& tx, const Wanted& wanted) const {
  INDABA_TRY(const auto row, row_of(wanted, registry_, clock_, random_));
  const auto key = wanted.unique_key.empty() ? std::nullopt : std::optional(wanted.unique_key);
  const auto expires = wanted.expires > Millis(0)
                           ? std::optional<std::int64_t>(wanted.expires.count())
                           : std::nullopt;
  INDABA_TRY(const auto id, tx.sql().first<JobId>(
                                statements(tx.sql().dialect()).insert,
                                [](const db::Row& r) { return r.id<JobId>(0); }, row.uuid, row.task,
                                row.queue, row.priority, row.state, row.arguments, wanted.org,
                                wanted.user, key, std::int64_t{wanted.delay.count()}, expires));
  if (id) {
    if (wanted.followed) {
      INDABA_TRY(
          const auto stream,
          stream::create_stream(tx.sql(), {.kind = "job", .org = wanted.org}, clock_, random_));
      INDABA_TRY_VOID(tx.sql().execute(kSetStream, *id, stream));
    }
    tx.after_commit([this, delay = wanted.delay] { ring(delay); });
    return Enqueued{*id, row.uuid, true};
  }
  INDABA_TRY(
      auto found,
      tx.sql().first<Enqueued>(
          kByKey, [](const db::Row& r) { return Enqueued{r.id<JobId>(0), r.string(1), false}; },
          wanted.unique_key));
  // It ended in this very moment, on another node.
  if (!found) return Error(ErrorKind::unavailable, "The same work has just ended.");
  return *std::move(found);
}

Result<void> Queue::enqueue_all(db::WriteTx& tx, std::span<const Wanted> wanted) const {
  if (wanted.empty()) return {};
  if (tx.sql().dialect() == db::Dialect::sqlite) {
    for (const auto& one : wanted) {
      INDABA_TRY_VOID(enqueue(tx, one));
    }
    return {};
  }
  std::vector<Row> rows;
  rows.reserve(wanted.size());
  std::array<std::vector<std::string_view>, 5> texts;
  std::array<std::vector<std::int64_t>, 5> numbers;
  Millis soonest = wanted.front().delay;
  for (const auto& one : wanted) {
    check(one.unique_key.empty(), "many jobs at once have no keys");
    INDABA_TRY(auto row, row_of(one, registry_, clock_, random_));
    rows.push_back(std::move(row));
    const auto& kept = rows.back();
    const std::array<std::string_view, 5> text{kept.uuid, kept.task, kept.queue, kept.state,
                                               kept.arguments};
    const std::array<std::int64_t, 5> number{kept.priority, one.org.value, one.user.value,
                                             one.delay.count(), one.expires.count()};
    for (std::size_t i = 0; i < text.size(); ++i) {
      texts[i].push_back(text[i]);
      numbers[i].push_back(number[i]);
    }
    soonest = std::min(soonest, one.delay);
  }
  const std::array<db::Param, 10> params{db::Texts{texts[0]},      db::Texts{texts[1]},
                                         db::Texts{texts[2]},      db::Integers{numbers[0]},
                                         db::Texts{texts[3]},      db::Texts{texts[4]},
                                         db::Integers{numbers[1]}, db::Integers{numbers[2]},
                                         db::Integers{numbers[3]}, db::Integers{numbers[4]}};
  INDABA_TRY_VOID(tx.sql().run_later(statements(db::Dialect::postgres).insert_all, params));
  tx.after_commit([this, soonest] { ring(soonest); });
  return {};
}

Result<std::optional<Job>> find_job(db::Session& session, JobId id) {
  return session.first<Job>(kById, read_job, id);
}

Result<std::optional<Job>> find_job(db::Session& session, std::string_view uuid) {
  return session.first<Job>(kByUuid, read_job, uuid);
}

// Only what is asked for stands in the text: "or it is not asked for" finds no index.
Result<std::vector<Job>> list_jobs(db::Session& session, const Listing& listing) {
  std::string sql(kList);
  std::vector<db::Param> params{listing.before ? listing.before.value : kMaxSeq.value};
  const auto where = [&](std::string_view condition, db::Param value) {
    params.push_back(value);
    sql += fmt::format(" AND {} = ${}", condition, params.size());
  };
  if (listing.state) where("state", to_string(*listing.state));
  if (listing.task) where("task", *listing.task);
  if (listing.org) where("org_id", *listing.org);
  params.emplace_back(listing.limit);
  sql += fmt::format(" ORDER BY id DESC LIMIT ${}", params.size());
  std::vector<Job> jobs;
  INDABA_TRY_VOID(session.run(sql, params, [&](const db::Row& r) { jobs.push_back(read_job(r)); }));
  return jobs;
}

Result<Figures> count_jobs(db::Session& session) {
  Figures figures;
  INDABA_TRY_VOID(session.run(statements(session.dialect()).count, {}, [&](const db::Row& r) {
    const auto state = parse_state(r.text(0));
    if (state == State::scheduled) figures.scheduled = r.int64(1);
    if (state == State::running) figures.running = r.int64(1);
    if (state == State::failed) figures.failed = r.int64(1);
    if (state == State::ready) figures.ready = r.int64(1);
    figures.oldest = std::max(figures.oldest, Millis(r.int64(2)));  // none: what is due later
  }));
  return figures;
}

Result<std::optional<State>> cancel_job(db::WriteTx& tx, JobId id) {
  struct Cancelled {
    State state = State::cancelled;
    std::string uuid;
    StreamId stream;
  };
  const auto read = [](const db::Row& r) {
    return Cancelled{parse_state(r.text(0)).value_or(State::cancelled), r.string(1),
                     r.id<StreamId>(2)};
  };
  INDABA_TRY(const auto found,
             tx.sql().first<Cancelled>(statements(tx.sql().dialect()).cancel, read, id));
  if (!found) return std::optional<State>();
  if (found->stream && found->state == State::cancelled)
    tx.append({found->stream,
               std::string(kTaskEnded),
               ended_body(found->uuid, State::cancelled, {}, {}),
               {}});
  return std::optional(found->state);
}

Result<bool> retry_job(db::WriteTx& tx, JobId id) {
  INDABA_TRY_VOID(tx.sql().execute(statements(tx.sql().dialect()).retry, id));
  return tx.sql().changed() > 0;
}

Result<std::int64_t> forget_old_jobs(db::WriteTx& tx, int most) {
  const std::array params{db::Param(most)};
  return remove_jobs(tx, statements(tx.sql().dialect()).forget, params);
}

Result<std::int64_t> purge_jobs(db::WriteTx& tx, State state, int most) {
  check(state != State::running, "what runs is not purged");
  const std::array params{db::Param(to_string(state)), db::Param(most)};
  return remove_jobs(tx, statements(tx.sql().dialect()).purge, params);
}

std::string ended_body(std::string_view uuid, State state, const std::optional<std::string>& result,
                       const std::optional<std::string>& error) {
  std::string body = ",\"task_id\":";
  json::append_string(body, uuid);
  body += ",\"status\":";
  json::append_string(body, to_string(state));
  if (result) body += ",\"result\":" + *result;
  if (error) body += ",\"error\":" + *error;
  return body;
}

}  // namespace indaba::job
