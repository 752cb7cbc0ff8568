#include "feature/jobs/jobs.hpp"

#include "base/uuid.hpp"

namespace indaba::jobs {

namespace {

Error no_such_job() {
  return Error(ErrorKind::not_found, "There is no such job.");
}

JobView view_of(const job::Job& job) {
  JobView view;
  view.id = job.id;
  view.task_id = job.uuid;
  view.task = job.task;
  view.queue = job.queue;
  view.priority = job.priority;
  view.status = job.state;
  if (job.org) view.org_id = job.org;
  if (job.user) view.user_id = job.user;
  view.failures = job.failures;
  view.cancelling = job.cancelling && job.state == State::running;
  view.progress = job.progress;
  view.note = job.note;
  if (job.error_code) view.error = JobError{*job.error_code, job.error_message.value_or("")};
  view.created_at = job.created_at;
  view.due_at = job.due_at;
  view.begun_at = job.begun_at;
  view.ended_at = job.ended_at;
  return view;
}

constexpr std::string_view kReplacement =
    "SELECT newer.id FROM jobs one JOIN jobs newer ON newer.unique_key = one.unique_key AND "
    "newer.id <> one.id WHERE one.id = $1 AND one.state IN ('failed', 'cancelled', 'expired') AND "
    "newer.state IN ('scheduled', 'ready', 'running')";

// One that the caller may see and change. What belongs to nobody is the superusers'.
Result<job::Job> job_for(db::Session& session, const auth::Principal& caller, JobId id) {
  INDABA_TRY(auto found, job::find_job(session, id));
  if (!found) return no_such_job();
  if (caller.superuser) return *std::move(found);
  if (!found->org) return no_such_job();
  INDABA_TRY(const auto role, orgs::find_role(session, found->org, caller.user));
  if (!role || *role < auth::Role::admin) return no_such_job();
  return *std::move(found);
}

constexpr std::size_t kMostOrgs = 100;

// Of all organisations in which the caller is admin or more, newest first. Each is asked by itself:
// that is a few rows from the end of an index, where one question for all would sort every job.
Result<std::vector<job::Job>> list_administered(db::Session& session, UserId caller,
                                                job::Listing listing) {
  INDABA_TRY(auto orgs, orgs::list_orgs_of(session, caller));
  std::erase_if(orgs, [](const auto& one) { return one.role < auth::Role::admin; });
  if (orgs.empty())
    return Error(ErrorKind::forbidden, "Only superusers and admins of organisations see jobs.");
  if (orgs.size() > kMostOrgs)
    return Error::invalid_field(
        "org", fmt::format("You administer more than {} organisations: name one.", kMostOrgs),
        "missing_field");
  std::vector<job::Job> all;
  for (const auto& one : orgs) {
    listing.org = one.org.id;
    INDABA_TRY(auto some, job::list_jobs(session, listing));
    std::ranges::move(some, std::back_inserter(all));
    std::ranges::sort(all, std::ranges::greater(), &job::Job::id);
    if (all.size() > static_cast<std::size_t>(listing.limit))
      all.resize(static_cast<std::size_t>(listing.limit));
  }
  return all;
}

bool has_ended(State state) {
  return state != State::scheduled && state != State::ready && state != State::running;
}

// Of whoever asked for it. What is an organisation's is no longer theirs who left it.
Result<std::optional<job::Job>> find_own(db::Session& session, std::string_view uuid,
                                         UserId caller) {
  INDABA_TRY(auto job, job::find_job(session, uuid));
  if (!job || job->user != caller) return std::optional<job::Job>();
  if (!job->org) return job;
  INDABA_TRY(const auto role, orgs::find_role(session, job->org, caller));
  return role ? std::move(job) : std::nullopt;
}

}  // namespace

Result<bool> retry_unless_replaced(db::WriteTx& tx, JobId id) {
  const auto replaced = [](const std::string& newer) {
    return Error(ErrorKind::conflict, "job_replaced",
                 fmt::format("{} does the same work already: wait until it has ended.", newer));
  };
  INDABA_TRY(
      const auto newer,
      tx.sql().first<JobId>(kReplacement, [](const db::Row& r) { return r.id<JobId>(0); }, id));
  if (newer) return replaced(fmt::format("Job {}", newer->value));
  auto again = job::retry_job(tx, id);
  // One that came in this very moment, by another node.
  if (!again && again.error().kind == ErrorKind::conflict) return replaced("A newer job");
  return again;
}

Task<Result<JobList>> Jobs::list(auth::Principal caller, ListJobs wanted) {
  job::Listing listing{.state = wanted.status, .limit = static_cast<int>(wanted.limit) + 1};
  if (wanted.task) listing.task = wanted.task->str();
  std::string name = fmt::format("jobs:{}:{}", wanted.status ? json::name_of(*wanted.status) : "",
                                 listing.task.value_or(""));
  if (wanted.org) {
    auto asking = parts_.gate.membership(caller, wanted.org->str());
    const auto membership = co_await asking;
    if (membership) {
      listing.org = membership->org;
    } else if (caller.superuser && membership.error().kind == ErrorKind::not_found) {
      auto asking_org = parts_.gate.org_id(wanted.org->str());
      INDABA_CO_TRY(listing.org, co_await asking_org);
    } else {
      co_return membership.error();
    }
    if (!caller.superuser && membership->role < auth::Role::admin)
      co_return Error(ErrorKind::forbidden, "Only admins of the organisation may see its jobs.");
    name += fmt::format(":{}", listing.org->value);
  }
  const bool administered = !wanted.org && !caller.superuser;
  if (administered) name += ":administered";
  if (wanted.cursor) {
    INDABA_CO_TRY(const auto before, parts_.cursors.open(wanted.cursor->str(), name));
    listing.before = JobId(before);
  }
  auto query = [listing, administered, user = caller.user](db::Session& session) {
    return administered ? list_administered(session, user, listing)
                        : job::list_jobs(session, listing);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(auto found, co_await reading);
  JobList list;
  const bool more = static_cast<int>(found.size()) == listing.limit;
  if (more) found.pop_back();
  for (const auto& job : found) list.results.push_back(view_of(job));
  if (more) list.next_cursor = parts_.cursors.seal(found.back().id.value, name);
  co_return list;
}

template <class F>
Task<Result<JobView>> Jobs::change(auth::Principal caller, JobId id, F work) {
  auto change = [caller = std::move(caller), id, work](db::WriteTx& tx) -> Result<JobView> {
    INDABA_TRY_VOID(job_for(tx.sql(), caller, id));
    INDABA_TRY_VOID(work(tx));
    INDABA_TRY(const auto after, job::find_job(tx.sql(), id));
    if (!after) return no_such_job();
    return view_of(*after);
  };
  auto writing = parts_.database.write(db::Shard(id.value), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<JobView>> Jobs::retry(auth::Principal caller, JobId id) {
  auto retrying = change(std::move(caller), id, [this, id](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY(const bool again, jobs::retry_unless_replaced(tx, id));
    if (!again)
      return Error(ErrorKind::conflict, "job_not_ended",
                   "It has not failed: nothing to try again.");
    tx.after_commit([this] { parts_.queue.ring(Millis(0)); });
    return {};
  });
  co_return co_await retrying;
}

Task<Result<JobView>> Jobs::cancel(auth::Principal caller, JobId id) {
  auto cancelling = change(std::move(caller), id, [this, id](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY(const auto state, job::cancel_job(tx, id));
    if (!state) return Error(ErrorKind::conflict, "job_ended", "It has ended already.");
    tx.after_commit([this, id] { parts_.cancel(id); });
    return {};
  });
  co_return co_await cancelling;
}

void Jobs::add_streams(api::StreamNames& names) {
  names.add("tasks/{task}", [this](auth::Principal principal, api::PathParams params) {
    return resolve(std::move(principal), std::move(params));
  });
}

Task<Result<TaskStatus>> Jobs::status(auth::Principal caller, std::string task_id) {
  const Error unknown(ErrorKind::not_found, "Task not found.");
  if (!is_uuid(task_id) || caller.kind != auth::PrincipalKind::user) co_return unknown;
  auto query = [task_id, user = caller.user](db::Session& session) {
    return find_own(session, task_id, user);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(const auto job, co_await reading);
  if (!job) co_return unknown;
  TaskStatus view{.task_id = task_id};
  if (job->state == State::done) {
    view.status = TaskStage::ready;
    view.result = json::Raw{job->result.value_or("null")};
  } else if (has_ended(job->state)) {
    view.status = TaskStage::failed;
    view.error = job->error_message.value_or("It was cancelled.");
  }
  co_return view;
}

Task<Result<api::ResolvedStream>> Jobs::resolve(auth::Principal principal, api::PathParams params) {
  const Error unknown(ErrorKind::not_found, "There is no such stream.");
  const std::string uuid(params.text("task"));
  if (!is_uuid(uuid) || principal.kind != auth::PrincipalKind::user) co_return unknown;
  auto query = [uuid, caller = principal.user](db::Session& session) {
    return find_own(session, uuid, caller);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(const auto found, co_await reading);
  if (!found || !found->stream) co_return unknown;
  co_return api::ResolvedStream{.id = found->stream, .org = found->org, .org_slug = {}, .name = {}};
}

void Jobs::tell_progress(StreamId stream, std::string_view uuid, double fraction,
                         std::string_view note) const {
  std::string body = ",\"task_id\":";
  json::append_string(body, uuid);
  json::write_member(body, "progress", fraction);
  json::write_member(body, "note", std::string(note));
  parts_.ephemeral.publish_ephemeral(stream, std::string(job::kTaskProgress), std::move(body));
}

}  // namespace indaba::jobs
