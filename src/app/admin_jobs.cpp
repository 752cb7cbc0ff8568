#include "app/admin_jobs.hpp"

#include "app/admin_arguments.hpp"
#include "db/blocking.hpp"
#include "feature/jobs/jobs.hpp"

namespace indaba::app {

namespace {

using boost::json::object;
using boost::json::value;

constexpr int kAtOnce = 1000;
constexpr std::int64_t kMostEnqueued = 1'000'000;

Result<std::optional<job::State>> state_of(const object& arguments) {
  const auto text = text_of(arguments, "status");
  if (text.empty()) return std::optional<job::State>();
  if (const auto state = job::parse_state(text)) return std::optional(*state);
  return Error(ErrorKind::invalid,
               fmt::format("{} is no status: scheduled, ready, running, done, failed, cancelled or "
                           "expired",
                           text));
}

object shown(const job::Job& one) {
  object job{{"id", one.id.value},
             {"task", one.task},
             {"queue", one.queue},
             {"status", job::to_string(one.state)},
             {"failures", one.failures},
             {"progress", one.progress},
             {"created_at", to_rfc3339(one.created_at)}};
  if (one.error_code) {
    std::string error = *one.error_code + ": " + one.error_message.value_or("");
    if (one.error_log) error += fmt::format(" ({})", *one.error_log);
    job["error"] = error;
  }
  return job;
}

Result<value> list(const JobAdminParts& parts, const object& arguments) {
  job::Listing listing{.limit = static_cast<int>(number_of(arguments, "limit", 50))};
  INDABA_TRY(listing.state, state_of(arguments));
  if (const auto task = text_of(arguments, "task"); !task.empty()) listing.task = task;
  const auto query = [&](db::Session& session) { return job::list_jobs(session, listing); };
  INDABA_TRY(const auto jobs, db::read_blocking(parts.database, query));
  boost::json::array rows;
  for (const auto& one : jobs) rows.push_back(shown(one));
  return object{{"jobs", std::move(rows)}};
}

Result<value> enqueue(const JobAdminParts& parts, const object& arguments) {
  if (parts.queue == nullptr)
    return Error(ErrorKind::unavailable, "no server runs that could take the work: start one");
  job::Wanted wanted{.task = text_of(arguments, "task"),
                     .delay = Millis(number_of(arguments, "delay_ms", 0))};
  if (parts.registry->find(wanted.task) == nullptr)
    return Error(ErrorKind::not_found, fmt::format("there is no task {}: there are {}", wanted.task,
                                                   fmt::join(parts.registry->names(), ", ")));
  if (const auto* given = arguments.if_contains("arguments");
      given != nullptr && given->is_object())
    wanted.arguments = given->get_object();
  if (const auto queue = text_of(arguments, "queue"); !queue.empty()) wanted.queue = queue;
  const auto count = number_of(arguments, "count", 1);
  if (count < 1 || count > kMostEnqueued)
    return Error(ErrorKind::invalid, fmt::format("--count must be 1 to {}", kMostEnqueued));
  if (count == 1) {
    const auto change = [&](db::WriteTx& tx) { return parts.queue->enqueue(tx, wanted); };
    INDABA_TRY(const auto made, db::write_blocking(parts.database, db::Shard(), change));
    return object{{"id", made.value.id.value}};
  }
  for (std::int64_t left = count; left > 0; left -= kAtOnce) {
    const std::vector<job::Wanted> some(
        static_cast<std::size_t>(std::min<std::int64_t>(left, kAtOnce)), wanted);
    const auto change = [&](db::WriteTx& tx) { return parts.queue->enqueue_all(tx, some); };
    INDABA_TRY_VOID(db::write_blocking(parts.database, db::Shard(), change));
  }
  return object{{"id", fmt::format("{} jobs", count)}};
}

Result<value> retry(const JobAdminParts& parts, const object& arguments) {
  const JobId id(number_of(arguments, "id", 0));
  const auto change = [&](db::WriteTx& tx) { return jobs::retry_unless_replaced(tx, id); };
  INDABA_TRY(const auto done, db::write_blocking(parts.database, db::Shard(id.value), change));
  if (!done.value)
    return Error(ErrorKind::conflict,
                 fmt::format("there is no job {} that failed, expired or was cancelled", id.value));
  if (parts.queue != nullptr) parts.queue->ring(Millis(0));
  return object{};
}

Result<value> cancel(const JobAdminParts& parts, const object& arguments) {
  const JobId id(number_of(arguments, "id", 0));
  const auto change = [&](db::WriteTx& tx) { return job::cancel_job(tx, id); };
  INDABA_TRY(const auto done, db::write_blocking(parts.database, db::Shard(id.value), change));
  if (!done.value)
    return Error(ErrorKind::conflict,
                 fmt::format("there is no job {} that waits or runs", id.value));
  parts.cancel(id);
  return object{{"status", *done.value == job::State::running ? "asked to stop" : "cancelled"}};
}

Result<value> purge(const JobAdminParts& parts, const object& arguments) {
  INDABA_TRY(const auto state, state_of(arguments));
  if (!state || *state == job::State::running)
    return Error(ErrorKind::invalid,
                 "say which: --status scheduled, ready, done, failed, cancelled or expired");
  std::int64_t removed = 0;
  for (;;) {
    const auto change = [&](db::WriteTx& tx) { return job::purge_jobs(tx, *state, kAtOnce); };
    INDABA_TRY(const auto some, db::write_blocking(parts.database, db::Shard(), change));
    removed += some.value;
    if (some.value < kAtOnce) return object{{"removed", removed}};
  }
}

}  // namespace

void add_job_handlers(ops::ControlHandlers& handlers, const JobAdminParts& parts) {
  using Action = Result<value> (*)(const JobAdminParts&, const object&);
  const auto add = [&](const char* name, Action action) {
    handlers[name] = [parts, action](const object& arguments) { return action(parts, arguments); };
  };
  add("jobs.list", &list);
  add("jobs.enqueue", &enqueue);
  add("jobs.retry", &retry);
  add("jobs.cancel", &cancel);
  add("jobs.purge", &purge);
}

}  // namespace indaba::app
