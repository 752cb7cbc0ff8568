// The SQL of tasks, for this feature alone. Every statement carries its organisation.
#pragma once

#include "db/session.hpp"
#include "feature/tasks/tasks.hpp"

#include <optional>
#include <vector>

namespace indaba::tasks::queries {

struct Filter {
  std::optional<Status> status;
  std::optional<UserId> assignee;
  std::int64_t before = 0;  // tasks with lower ids
  std::int64_t limit = 0;
};

[[nodiscard]] Result<std::vector<TaskView>> page(db::Session& session, OrgId org,
                                                 const Filter& filter);
[[nodiscard]] Result<std::optional<TaskView>> find(db::Session& session, OrgId org, TaskId task);
[[nodiscard]] Result<TaskId> insert(db::Session& session, OrgId org, const TaskView& task);
[[nodiscard]] Result<void> update(db::Session& session, OrgId org, const TaskView& task);
[[nodiscard]] Result<void> remove(db::Session& session, OrgId org, TaskId task);

}  // namespace indaba::tasks::queries
