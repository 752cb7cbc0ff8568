// What the operator's commands do to background work: admin.hpp says how they come here.
#pragma once

#include "db/database.hpp"
#include "job/queue.hpp"
#include "ops/control_socket.hpp"

#include <functional>

namespace indaba::app {

struct JobAdminParts {
  db::Database& database;
  // Of a running server; none where the command opened the database itself. What it changes there
  // is found by the servers within seconds.
  const job::Queue* queue = nullptr;
  const job::Registry* registry = nullptr;
  std::function<void(JobId)> cancel = [](JobId) {};
};

// jobs.list, jobs.enqueue, jobs.retry, jobs.cancel, jobs.purge.
void add_job_handlers(ops::ControlHandlers& handlers, const JobAdminParts& parts);

}  // namespace indaba::app
