#include "feature/tasks/tasks.hpp"

namespace indaba::tasks {

namespace {

using api::Call;
using api::Nothing;
using api::Reply;

Result<TaskId> id_of(const api::PathParams& path) {
  const auto number = path.number("id");
  if (!number) return Error(ErrorKind::not_found, "There is no such task.");
  return TaskId(*number);
}

Task<Result<Reply<TaskList>>> list(Tasks& service, Call<Nothing, ListTasks> call) {
  auto listing = service.list(call.org->org, std::move(call.query));
  INDABA_CO_TRY(auto view, co_await listing);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<TaskView>>> get(Tasks& service, Call<> call) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  auto getting = service.get(call.org->org, id);
  INDABA_CO_TRY(auto view, co_await getting);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<TaskView>>> create(Tasks& service, Call<NewTask> call) {
  auto creating = service.create(call.org->org, std::move(call.principal), std::move(call.body),
                                 std::move(call.once));
  INDABA_CO_TRY(auto view, co_await creating);
  co_return api::created(std::move(view));
}

Task<Result<Reply<TaskView>>> change(Tasks& service, Call<ChangeTask> call) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  auto changing =
      service.change(call.org->org, std::move(call.principal), id, std::move(call.body));
  INDABA_CO_TRY(auto view, co_await changing);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<Nothing>>> remove(Tasks& service, Call<> call) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  auto removing = service.remove(call.org->org, std::move(call.principal), id);
  INDABA_CO_TRY_VOID(co_await removing);
  co_return api::no_content();
}

}  // namespace

void Tasks::add_routes(api::Endpoints& endpoints) {
  endpoints.get<ListTasks, TaskList>(
      "/api/v1/orgs/{org}/tasks",
      {.summary = "List tasks", .description = "Newest first.", .tag = "tasks", .scope = "read"},
      [this](Call<Nothing, ListTasks> call) { return tasks::list(*this, std::move(call)); });
  endpoints.post<NewTask, Nothing, TaskView>(
      "/api/v1/orgs/{org}/tasks",
      {.summary = "Create a task", .tag = "tasks", .status = 201, .scope = "admin"},
      [this](Call<NewTask> call) { return tasks::create(*this, std::move(call)); });
  endpoints.get<Nothing, TaskView>(
      "/api/v1/orgs/{org}/tasks/{id}", {.summary = "One task", .tag = "tasks", .scope = "read"},
      [this](Call<> call) { return tasks::get(*this, std::move(call)); });
  endpoints.patch<ChangeTask, Nothing, TaskView>(
      "/api/v1/orgs/{org}/tasks/{id}",
      {.summary = "Change a task",
       .description = "Every change makes one task_event; what changes nothing makes none.",
       .tag = "tasks",
       .scope = "admin"},
      [this](Call<ChangeTask> call) { return tasks::change(*this, std::move(call)); });
  endpoints.remove<Nothing, Nothing>(
      "/api/v1/orgs/{org}/tasks/{id}",
      {.summary = "Delete a task", .tag = "tasks", .status = 204, .scope = "admin"},
      [this](Call<> call) { return tasks::remove(*this, std::move(call)); });
}

}  // namespace indaba::tasks
