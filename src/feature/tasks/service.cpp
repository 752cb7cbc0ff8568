#include "feature/tasks/queries.hpp"
#include "feature/tasks/tasks.hpp"

#include <fmt/format.h>

namespace indaba::tasks {

namespace {

Error no_such_task() {
  return Error(ErrorKind::not_found, "There is no such task.");
}

Result<TaskView> task_of(db::Session& session, OrgId org, TaskId id) {
  INDABA_TRY(auto task, queries::find(session, org, id));
  if (!task) return no_such_task();
  return *std::move(task);
}

Result<void> check_assignee(db::Session& session, OrgId org, std::optional<UserId> assignee) {
  if (!assignee) return {};
  INDABA_TRY(const auto member, orgs::find_member(session, org, *assignee));
  if (!member) return Error::invalid_field("assignee_id", "There is no such member.");
  return {};
}

// One `task_event` on the organisation's notifications. `details` is a JSON object.
Result<void> tell(db::WriteTx& tx, OrgId org, const auth::Principal& caller, TaskId task,
                  std::string_view action, std::string_view details) {
  INDABA_TRY(const auto row, orgs::find_org(tx.sql(), org));
  if (!row) return Error(ErrorKind::not_found, "There is no such organisation.");
  std::string body =
      fmt::format(R"(,"task_id":{},"action":"{}","details":{})", task.value, action, details);
  orgs::append_actor(body, orgs::actor_of(caller));
  tx.append({row->notifications, "task_event", std::move(body), {}});
  return {};
}

// "status_changed" with from and to wins over what else was changed; that stands under `changed`
// then.
struct Difference {
  std::string action;  // empty: nothing changed
  std::string details;
};
Difference difference(const TaskView& before, const TaskView& after) {
  std::vector<std::string> changed;
  if (before.title != after.title) changed.emplace_back("title");
  if (before.assignee_id != after.assignee_id) changed.emplace_back("assignee_id");
  Difference out;
  out.details = "{";
  if (before.status != after.status) {
    out.action = "status_changed";
    json::append_member(out.details, "from", json::name_of(before.status));
    json::append_member(out.details, "to", json::name_of(after.status));
  } else if (!changed.empty()) {
    out.action = "updated";
  }
  if (!changed.empty()) json::write_member(out.details, "changed", changed);
  out.details += '}';
  return out;
}

TaskView patched(TaskView task, const ChangeTask& wanted, WallTime now) {
  if (wanted.title) task.title = wanted.title->str();
  if (wanted.status) task.status = *wanted.status;
  task.assignee_id = wanted.assignee_id.over(task.assignee_id);
  task.updated_at = now;
  return task;
}

// A cursor goes on in the same list with the same filters.
std::string list_name(OrgId org, const ListTasks& wanted) {
  return fmt::format("tasks:{}:{}:{}", org.value,
                     wanted.status ? json::name_of(*wanted.status) : "",
                     wanted.assignee_id ? wanted.assignee_id->value : 0);
}

}  // namespace

Task<Result<TaskList>> Tasks::list(OrgId org, ListTasks wanted) {
  const auto name = list_name(org, wanted);
  const auto limit = wanted.limit.value();
  queries::Filter filter{wanted.status, wanted.assignee_id, kMaxSeq.value, limit + 1};
  if (wanted.cursor) {
    INDABA_CO_TRY(filter.before, cursors_.open(wanted.cursor->str(), name));
  }
  auto query = [org, filter](db::Session& session) -> Result<std::vector<TaskView>> {
    INDABA_TRY_VOID(check_assignee(session, org, filter.assignee));
    return queries::page(session, org, filter);
  };
  auto reading = database_.read(query);
  TaskList list;
  INDABA_CO_TRY(list.results, co_await reading);
  if (static_cast<std::int64_t>(list.results.size()) > limit) {
    list.results.pop_back();
    list.next_cursor = cursors_.seal(list.results.back().id.value, name);
  }
  co_return list;
}

Task<Result<TaskView>> Tasks::get(OrgId org, TaskId task) {
  auto query = [org, task](db::Session& session) { return task_of(session, org, task); };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Task<Result<TaskView>> Tasks::create(OrgId org, auth::Principal caller, NewTask wanted,
                                     api::Once once) {
  const auto now = clock_.wall();
  auto change = [org, caller, wanted, once, now](db::WriteTx& tx) -> Result<TaskView> {
    INDABA_TRY_VOID(check_assignee(tx.sql(), org, wanted.assignee_id));
    TaskView task{TaskId(), wanted.title.str(), wanted.status, wanted.assignee_id, now, now};
    INDABA_TRY(task.id, queries::insert(tx.sql(), org, task));
    INDABA_TRY_VOID(tell(tx, org, caller, task.id, "created", "{}"));
    once.keep(tx, [task](std::span<const db::Appended>) {
      return api::KeptAnswer{201, json::to_json(task)};
    });
    return task;
  };
  auto writing = database_.write(db::Shard(org), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<TaskView>> Tasks::change(OrgId org, auth::Principal caller, TaskId task,
                                     ChangeTask wanted) {
  const auto now = clock_.wall();
  auto change = [org, caller, task, wanted, now](db::WriteTx& tx) -> Result<TaskView> {
    INDABA_TRY(auto before, task_of(tx.sql(), org, task));
    if (wanted.assignee_id.has_value()) {
      INDABA_TRY_VOID(check_assignee(tx.sql(), org, *wanted.assignee_id));
    }
    auto after = patched(before, wanted, now);
    const auto what = difference(before, after);
    if (what.action.empty()) return before;
    INDABA_TRY_VOID(queries::update(tx.sql(), org, after));
    INDABA_TRY_VOID(tell(tx, org, caller, task, what.action, what.details));
    return after;
  };
  auto writing = database_.write(db::Shard(org), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<void>> Tasks::remove(OrgId org, auth::Principal caller, TaskId task) {
  auto change = [org, caller, task](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(task_of(tx.sql(), org, task));
    INDABA_TRY_VOID(queries::remove(tx.sql(), org, task));
    return tell(tx, org, caller, task, "deleted", "{}");
  };
  auto writing = database_.write(db::Shard(org), change);
  const auto written = co_await writing;
  if (!written) co_return written.error();
  co_return Result<void>();
}

}  // namespace indaba::tasks
