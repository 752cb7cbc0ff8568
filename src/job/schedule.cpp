#include "job/schedule.hpp"

#include "base/check.hpp"
#include "base/json_write.hpp"
#include "db/sql_clock.hpp"

#include <set>

namespace indaba::job {

namespace {

constexpr std::string_view kName = "schedule";
constexpr std::size_t kMostMissed = 100;  // of one entry at once

// Once for each database: a statement is prepared by its text.
struct ScheduleStatements {
  explicit ScheduleStatements(db::Dialect dialect) {
    const auto now = db::sql_now(dialect);
    lease = fmt::format(
        "SELECT {}, l.holder, l.ends_at FROM (SELECT 1) AS one LEFT JOIN leases l ON l.name = $1",
        now);
    // The embedded database has one process: whoever asks has it to itself. One that ends later
    // than any can is of a clock that was put back since.
    const std::string condition =
        dialect == db::Dialect::sqlite
            ? ""
            : fmt::format(
                  " WHERE leases.holder IN (excluded.holder, '') OR leases.ends_at <= {0} OR "
                  "leases.ends_at > {0} + {1}",
                  now, 2 * (Schedule::kLongest + Schedule::kLease).count());
    take = fmt::format(
        "INSERT INTO leases (name, holder, term, ends_at) VALUES ($1, $2, 1, $3) ON CONFLICT "
        "(name) DO UPDATE SET holder = excluded.holder, ends_at = excluded.ends_at, term = "
        "leases.term + CASE WHEN leases.holder = excluded.holder THEN 0 ELSE 1 END{} RETURNING "
        "term",
        condition);
    fire = fmt::format(
        "UPDATE job_schedule SET task = $3, arguments = $4, timing = $5, last_slot = $6, next_slot "
        "= $7, job = $8, fired_at = {} WHERE name = $1 AND last_slot = $2",
        now);
  }
  std::string lease;
  std::string take;
  std::string fire;
};

const ScheduleStatements& schedule_statements(db::Dialect dialect) {
  static const ScheduleStatements sqlite(db::Dialect::sqlite);
  static const ScheduleStatements postgres(db::Dialect::postgres);
  return dialect == db::Dialect::sqlite ? sqlite : postgres;
}

// Its end stays: who sleeps until then takes over without a pause.
constexpr std::string_view kResign =
    "UPDATE leases SET holder = '' WHERE name = $1 AND holder = $2";
constexpr std::string_view kAll =
    "SELECT name, task, arguments, timing, last_slot, next_slot FROM job_schedule";
constexpr std::string_view kInsert =
    "INSERT INTO job_schedule (name, task, arguments, timing, last_slot, next_slot) VALUES ($1, "
    "$2, $3, $4, $5, $6)";
constexpr std::string_view kRedefine =
    "UPDATE job_schedule SET task = $2, arguments = $3, timing = $4, last_slot = $5, next_slot = "
    "$6 WHERE name = $1";
constexpr std::string_view kDrop = "DELETE FROM job_schedule WHERE name = $1";
constexpr std::string_view kListScheduled =
    "SELECT name, task, arguments, timing, last_slot, next_slot, fired_at, job FROM job_schedule "
    "ORDER BY name";

// A crontab's slot that lies further ahead is another clock's: it would stand still until then.
constexpr Millis kPlausible = std::chrono::hours(24);

// Its last slot, unless that is of another definition or another clock.
WallTime last_slot(const Timing& timing, bool same, WallTime last, WallTime now) {
  const auto* every = std::get_if<Every>(&timing);
  if (every == nullptr) return same && last <= now + kPlausible ? last : now;
  if (last > now + every->interval) return now;  // the database's clock was put back
  return same ? last : std::max(last, now - every->interval);
}

}  // namespace

struct Schedule::Lease {
  WallTime now{};
  std::string holder;  // empty: it was given back
  WallTime ends_at{};  // of nobody's: long ago

  [[nodiscard]] bool free_for(const std::string& who) const {
    return holder.empty() || holder == who || ends_at <= now;
  }
};

struct Schedule::Kept {
  std::string name;
  std::string task;
  std::string arguments;
  std::string timing;
  WallTime last{};
  WallTime next{};
};

struct Schedule::Moment {
  WallTime now{};
  bool seamless = false;
  std::vector<Fired> fired{};
};

Schedule::Schedule(std::vector<Entry> entries, const Queue& queue, std::string holder)
    : entries_(std::move(entries)), queue_(queue), holder_(std::move(holder)) {
  std::set<std::string_view> names;
  for (const auto& entry : entries_) {
    check(names.insert(entry.name).second, "an entry of the schedule stands once");
    const auto* every = std::get_if<Every>(&entry.timing);
    check(every == nullptr || every->interval >= kShortestInterval,
          "an entry of the schedule fires once a second at most");
  }
}

Result<Schedule::Lease> Schedule::lease(db::Session& session) const {
  INDABA_TRY(auto found, session.first<Lease>(
                             schedule_statements(session.dialect()).lease,
                             [](const db::Row& r) {
                               return Lease{from_millis(r.int64(0)), r.string(1),
                                            from_millis(r.int64(2))};
                             },
                             kName));
  check(found.has_value(), "the database tells its time");
  // What ends later than any lease can is of a clock that was put back since.
  const auto longest = found->now + 2 * (kLongest + kLease);
  if (session.dialect() == db::Dialect::sqlite || found->ends_at > longest) found->holder = holder_;
  return *std::move(found);
}

Result<Millis> Schedule::peek(db::Session& session) const {
  INDABA_TRY(const auto held, lease(session));
  return held.free_for(holder_) ? Millis(0) : held.ends_at - held.now;
}

Result<Schedule::Look> Schedule::look(db::WriteTx& tx) const {
  auto& sql = tx.sql();
  INDABA_TRY(const auto held, lease(sql));
  if (!held.free_for(holder_)) return Look{.leads = false, .wait = held.ends_at - held.now};
  Moment moment{.now = held.now, .seamless = held.now <= held.ends_at + kSeamless};
  INDABA_TRY(const auto kept, sql.all<Kept>(kAll, [](const db::Row& r) {
    return Kept{r.string(0),
                r.string(1),
                r.string(2),
                r.string(3),
                from_millis(r.int64(4)),
                from_millis(r.int64(5))};
  }));
  auto soonest = moment.now + kLongest;
  for (const auto& entry : entries_) {
    const auto row = std::ranges::find(kept, entry.name, &Kept::name);
    INDABA_TRY(const auto next, bring_on(tx, entry, row == kept.end() ? nullptr : &*row, moment));
    soonest = std::min(soonest, next);
  }
  INDABA_TRY_VOID(drop_others(sql, kept));
  INDABA_TRY(const auto term, sql.first<std::int64_t>(
                                  schedule_statements(sql.dialect()).take,
                                  [](const db::Row& r) { return r.int64(0); }, kName, holder_,
                                  to_millis(soonest + kLease)));
  if (!term) return Error(ErrorKind::conflict, "not_leader", "Another process has the schedule.");
  return Look{.leads = true, .wait = soonest - moment.now, .fired = std::move(moment.fired)};
}

// Returns its next slot.
Result<WallTime> Schedule::bring_on(db::WriteTx& tx, const Entry& entry, const Kept* kept,
                                    Moment& moment) const {
  auto& sql = tx.sql();
  const auto& task = entry.wanted.task;
  const auto arguments = json::to_text(entry.wanted.arguments);
  const auto timing = to_text(entry.timing);
  if (kept == nullptr) {
    const auto next = next_slot(entry.timing, moment.now);
    INDABA_TRY_VOID(sql.execute(kInsert, entry.name, task, arguments, timing, to_millis(moment.now),
                                to_millis(next)));
    return next;
  }
  const auto last = last_slot(entry.timing, timing == kept->timing, kept->last, moment.now);
  const auto slots =
      slots_between(entry.timing, last, moment.now, moment.seamless ? kMostMissed : 0);
  const auto next = next_slot(entry.timing, slots.empty() ? last : slots.back());
  if (slots.empty()) {
    if (task != kept->task || arguments != kept->arguments || timing != kept->timing ||
        last != kept->last || next != kept->next) {
      INDABA_TRY_VOID(sql.execute(kRedefine, entry.name, task, arguments, timing, to_millis(last),
                                  to_millis(next)));
    }
    return next;
  }
  for (const auto slot : slots) {
    auto wanted = entry.wanted;
    wanted.unique_key = fmt::format("{}@{}", entry.name, to_rfc3339(slot));
    INDABA_TRY(auto job, queue_.enqueue(tx, wanted));
    moment.fired.push_back({entry.name, slot, std::move(job.uuid)});
  }
  INDABA_TRY_VOID(sql.execute(schedule_statements(sql.dialect()).fire, entry.name,
                              to_millis(kept->last), task, arguments, timing,
                              to_millis(slots.back()), to_millis(next), moment.fired.back().job));
  if (sql.changed() != 1)
    return Error(ErrorKind::conflict, "not_leader", "Another process fired this slot.");
  return next;
}

Result<void> Schedule::drop_others(db::Session& session, const std::vector<Kept>& kept) const {
  for (const auto& row : kept) {
    if (std::ranges::find(entries_, row.name, &Entry::name) != entries_.end()) continue;
    INDABA_TRY_VOID(session.execute(kDrop, row.name));
  }
  return {};
}

Result<void> Schedule::resign(db::WriteTx& tx) const {
  return tx.sql().execute(kResign, kName, holder_);
}

Result<std::vector<Scheduled>> list_schedule(db::Session& session) {
  return session.all<Scheduled>(kListScheduled, [](const db::Row& r) {
    Scheduled entry{.name = r.string(0),
                    .task = r.string(1),
                    .arguments = r.string(2),
                    .timing = r.string(3),
                    .next = from_millis(r.int64(5)),
                    .last = {},
                    .fired_at = {},
                    .job = r.string(7)};
    if (const auto fired = r.maybe_int64(6)) {
      entry.last = from_millis(r.int64(4));
      entry.fired_at = from_millis(*fired);
    }
    return entry;
  });
}

}  // namespace indaba::job
