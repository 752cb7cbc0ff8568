// Tasks: what an organisation's members have to do. Every change of a task is one `task_event` on
// the organisation's notifications, in the transaction of the change.
//
// Any member may do everything with tasks; an assignee must be a member. Any executor.
#pragma once

#include "api/cursor.hpp"
#include "api/endpoint.hpp"
#include "base/ids.hpp"
#include "db/database.hpp"
#include "feature/orgs/orgs.hpp"

#include <optional>
#include <string>
#include <vector>

namespace indaba::tasks {

enum class Status : std::uint8_t { todo, doing, done };
BOOST_DESCRIBE_ENUM(Status, todo, doing, done)

using Title = json::Text<1, 500>;

struct TaskView {
  TaskId id;
  std::string title;
  Status status = Status::todo;
  std::optional<UserId> assignee_id;
  WallTime created_at{};
  WallTime updated_at{};
};
BOOST_DESCRIBE_STRUCT(TaskView, (), (id, title, status, assignee_id, created_at, updated_at))

struct TaskList {
  std::vector<TaskView> results;  // newest first
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(TaskList, (), (results, next_cursor))

struct NewTask {
  Title title;
  Status status = Status::todo;
  std::optional<UserId> assignee_id;
  static constexpr std::array kDefaulted{std::string_view("status")};
};
BOOST_DESCRIBE_STRUCT(NewTask, (), (title, status, assignee_id))

struct ChangeTask {
  std::optional<Title> title;
  std::optional<Status> status;
  json::Patch<UserId> assignee_id;
};
BOOST_DESCRIBE_STRUCT(ChangeTask, (), (title, status, assignee_id))

struct ListTasks {
  std::optional<Status> status;
  std::optional<UserId> assignee_id;
  json::Int<1, 200> limit{50};
  std::optional<json::Text<1, 200>> cursor;
  static constexpr std::array kDefaulted{std::string_view("limit")};
};
BOOST_DESCRIBE_STRUCT(ListTasks, (), (status, assignee_id, limit, cursor))

class Tasks {
 public:
  // All outlive this.
  Tasks(db::Database& database, const api::Cursors& cursors, const Clock& clock)
      : database_(database), cursors_(cursors), clock_(clock) {}

  void add_routes(api::Endpoints& endpoints);

  // An assignee who is no member is invalid, as it is in a change; an altered cursor is malformed.
  Task<Result<TaskList>> list(OrgId org, ListTasks wanted);
  Task<Result<TaskView>> get(OrgId org, TaskId task);
  Task<Result<TaskView>> create(OrgId org, auth::Principal caller, NewTask wanted, api::Once once);
  // What changes nothing makes no event.
  Task<Result<TaskView>> change(OrgId org, auth::Principal caller, TaskId task, ChangeTask wanted);
  Task<Result<void>> remove(OrgId org, auth::Principal caller, TaskId task);

 private:
  db::Database& database_;
  const api::Cursors& cursors_;
  const Clock& clock_;
};

}  // namespace indaba::tasks
