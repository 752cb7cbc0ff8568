#include "feature/tasks/queries.hpp"

namespace indaba::tasks::queries {

namespace {

#define INDABA_TASK_COLUMNS "id, title, status, assignee_id, created_at, updated_at"

// A filter that is not wanted is NULL. One statement for all four: the planner takes the index of
// the organisation, which is what a page of the newest needs anyway.
constexpr std::string_view kPage =
    "SELECT " INDABA_TASK_COLUMNS
    " FROM tasks WHERE org_id = $1 AND id < $2"
    " AND ($3 IS NULL OR status = $3)"
    " AND ($4 IS NULL OR assignee_id = $4) ORDER BY id DESC LIMIT $5";
constexpr std::string_view kFind =
    "SELECT " INDABA_TASK_COLUMNS " FROM tasks WHERE org_id = $1 AND id = $2";
constexpr std::string_view kInsert =
    "INSERT INTO tasks (org_id, title, status, assignee_id, created_at, updated_at)"
    " VALUES ($1, $2, $3, $4, $5, $5) RETURNING id";
constexpr std::string_view kUpdate =
    "UPDATE tasks SET title = $3, status = $4, assignee_id = $5, updated_at = $6"
    " WHERE org_id = $1 AND id = $2";
constexpr std::string_view kDelete = "DELETE FROM tasks WHERE org_id = $1 AND id = $2";

#undef INDABA_TASK_COLUMNS

TaskView task_of(const db::Row& row) {
  TaskView task;
  task.id = row.id<TaskId>(0);
  task.title = row.string(1);
  task.status = json::from_name<Status>(row.text(2)).value_or(Status::todo);
  if (!row.is_null(3)) task.assignee_id = row.id<UserId>(3);
  task.created_at = from_millis(row.int64(4));
  task.updated_at = from_millis(row.int64(5));
  return task;
}

}  // namespace

Result<std::vector<TaskView>> page(db::Session& session, OrgId org, const Filter& filter) {
  std::optional<std::string_view> status;
  if (filter.status) status = json::name_of(*filter.status);
  return session.all<TaskView>(kPage, task_of, org, filter.before, status, filter.assignee,
                               filter.limit);
}

Result<std::optional<TaskView>> find(db::Session& session, OrgId org, TaskId task) {
  return session.first<TaskView>(kFind, task_of, org, task);
}

Result<TaskId> insert(db::Session& session, OrgId org, const TaskView& task) {
  INDABA_TRY(const auto id,
             session.first<TaskId>(
                 kInsert, [](const db::Row& row) { return row.id<TaskId>(0); }, org, task.title,
                 json::name_of(task.status), task.assignee_id, to_millis(task.created_at)));
  if (!id) return Error::internal("a task was not inserted");
  return *id;
}

Result<void> update(db::Session& session, OrgId org, const TaskView& task) {
  return session.execute(kUpdate, org, task.id, task.title, json::name_of(task.status),
                         task.assignee_id, to_millis(task.updated_at));
}

Result<void> remove(db::Session& session, OrgId org, TaskId task) {
  return session.execute(kDelete, org, task);
}

}  // namespace indaba::tasks::queries
