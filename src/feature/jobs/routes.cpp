#include "feature/jobs/jobs.hpp"

namespace indaba::jobs {

namespace {

using api::Access;
using api::Call;
using api::Nothing;
using api::Reply;

Result<JobId> id_of(const api::PathParams& path) {
  const auto number = path.number("id");
  if (!number) return Error(ErrorKind::not_found, "There is no such job.");
  return JobId(*number);
}

Task<Result<Reply<JobList>>> list(Jobs& service, Call<Nothing, ListJobs> call) {
  auto listing = service.list(std::move(call.principal), std::move(call.query));
  INDABA_CO_TRY(auto view, co_await listing);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<TaskStatus>>> status(Jobs& service, Call<> call) {
  auto asking = service.status(std::move(call.principal), std::string(call.path.text("task_id")));
  INDABA_CO_TRY(auto view, co_await asking);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<JobView>>> retry(Jobs& service, Call<> call) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  auto retrying = service.retry(std::move(call.principal), id);
  INDABA_CO_TRY(auto view, co_await retrying);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<JobView>>> cancel(Jobs& service, Call<> call) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  auto cancelling = service.cancel(std::move(call.principal), id);
  INDABA_CO_TRY(auto view, co_await cancelling);
  co_return api::ok(std::move(view));
}

}  // namespace

void Jobs::add_routes(api::Endpoints& endpoints) {
  endpoints.get<ListJobs, JobList>(
      "/api/v1/admin/jobs",
      {.summary = "List background jobs",
       .description = "Newest first. Superusers see all, others those of the organisations in "
                      "which they are admin or owner; `org` names one.",
       .tag = "administration",
       .access = Access::user,
       .errors = {{403, "forbidden", "Neither a superuser nor an admin of an organisation."}}},
      [this](Call<Nothing, ListJobs> call) { return jobs::list(*this, std::move(call)); });
  endpoints.get<Nothing, TaskStatus>(
      "/api/v1/mentor/task-status/{task_id}",
      {.summary = "What became of a task",
       .description = "Of whatever the caller asked for and got a `task_id` of; tasks/{task_id} "
                      "tells the same as it happens. `pending` until it has ended.",
       .tag = "administration",
       .access = Access::user,
       .errors = {{404, "not_found", "Nobody asked for such a task, or somebody else did."}}},
      [this](Call<> call) { return jobs::status(*this, std::move(call)); });
  endpoints.post<Nothing, Nothing, JobView>(
      "/api/v1/admin/jobs/{id}/retry",
      {.summary = "Run a job again that failed, expired or was cancelled",
       .tag = "administration",
       .access = Access::user,
       .errors = {{409, "job_not_ended", "It waits, runs, or has succeeded."},
                  {409, "job_replaced", "A newer job with its unique key waits or runs."}}},
      [this](Call<> call) { return jobs::retry(*this, std::move(call)); });
  endpoints.post<Nothing, Nothing, JobView>(
      "/api/v1/admin/jobs/{id}/cancel",
      {.summary = "Cancel a job, or ask it to stop",
       .tag = "administration",
       .access = Access::user,
       .errors = {{409, "job_ended", "It has ended already."}}},
      [this](Call<> call) { return jobs::cancel(*this, std::move(call)); });
}

}  // namespace indaba::jobs
