// Jobs: background work as people see it. Operators list it, try it again and cancel it; whoever
// asked for a piece of work follows it on tasks/{uuid}.
//
// The queue itself is job/queue.hpp. Superusers see all; an organisation's admins what belongs to
// it. Any executor.
#pragma once

#include "api/cursor.hpp"
#include "api/endpoint.hpp"
#include "api/stream_names.hpp"
#include "feature/orgs/orgs.hpp"
#include "job/queue.hpp"
#include "stream/publisher.hpp"

#include <boost/describe.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace indaba::job {
BOOST_DESCRIBE_ENUM(State, scheduled, ready, running, done, failed, cancelled, expired)
}

namespace indaba::jobs {

using job::State;

struct JobError {
  std::string code;
  std::string message;
};
BOOST_DESCRIBE_STRUCT(JobError, (), (code, message))

struct JobView {
  JobId id;
  std::string task_id;  // of tasks/{task_id}
  std::string task;
  std::string queue;
  int priority = 0;
  State status = State::ready;
  std::optional<OrgId> org_id;
  std::optional<UserId> user_id;
  int failures = 0;
  bool cancelling = false;
  double progress = 0;
  std::string note;
  std::optional<JobError> error;
  WallTime created_at{};
  WallTime due_at{};
  std::optional<WallTime> begun_at;
  std::optional<WallTime> ended_at;
};
BOOST_DESCRIBE_STRUCT(JobView, (),
                      (id, task_id, task, queue, priority, status, org_id, user_id, failures,
                       cancelling, progress, note, error, created_at, due_at, begun_at, ended_at))

struct JobList {
  std::vector<JobView> results;  // newest first
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(JobList, (), (results, next_cursor))

enum class TaskStage : unsigned char { pending, ready, failed };
BOOST_DESCRIBE_ENUM(TaskStage, pending, ready, failed)

// What became of a piece of work, for whoever asked for it.
struct TaskStatus {
  std::string task_id;
  TaskStage status = TaskStage::pending;
  json::Patch<json::Raw> result{};   // ready
  json::Patch<std::string> error{};  // failed: a sentence
};
BOOST_DESCRIBE_STRUCT(TaskStatus, (), (task_id, status, result, error))

struct ListJobs {
  std::optional<State> status;
  std::optional<json::Text<1, 200>> task;
  std::optional<json::Text<1, 64>> org;
  json::Int<1, 200> limit{50};
  std::optional<json::Text<1, 200>> cursor;
  static constexpr std::array kDefaulted{std::string_view("limit")};
};
BOOST_DESCRIBE_STRUCT(ListJobs, (), (status, task, org, limit, cursor))

// One that failed, expired or was cancelled, from its beginning. False: it is none of these.
// conflict (`job_replaced`): another one with its unique key waits or runs.
[[nodiscard]] Result<bool> retry_unless_replaced(db::WriteTx& tx, JobId id);

class Jobs {
 public:
  struct Parts {  // all outlive this
    db::Database& database;
    api::OrgGate& gate;
    const api::Cursors& cursors;
    const job::Queue& queue;
    stream::EphemeralPublisher& ephemeral;
    std::function<void(JobId)> cancel;  // asks a run to stop, wherever it is
  };
  explicit Jobs(Parts parts) : parts_(std::move(parts)) {}

  void add_routes(api::Endpoints& endpoints);
  void add_streams(api::StreamNames& names);
  // To whoever follows it; any thread.
  void tell_progress(StreamId stream, std::string_view uuid, double fraction,
                     std::string_view note) const;

  // forbidden: neither a superuser nor an admin of the organisation that is asked about.
  Task<Result<JobList>> list(auth::Principal caller, ListJobs wanted);
  // One that failed, expired or was cancelled runs again; any other is a conflict
  // (`job_not_ended`), and so is one that a newer job replaces (`job_replaced`).
  Task<Result<JobView>> retry(auth::Principal caller, JobId id);
  // not_found: nobody asked for such a task, or somebody else.
  Task<Result<TaskStatus>> status(auth::Principal caller, std::string task_id);
  // What has ended is a conflict (`job_ended`); what runs is asked to stop.
  Task<Result<JobView>> cancel(auth::Principal caller, JobId id);

 private:
  Task<Result<api::ResolvedStream>> resolve(auth::Principal principal, api::PathParams params);
  template <class F>
  Task<Result<JobView>> change(auth::Principal caller, JobId id, F work);

  const Parts parts_;
};

}  // namespace indaba::jobs
