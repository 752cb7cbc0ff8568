// What the operator's commands do to the data.
//
// The same handlers serve the control socket of a running server and a command that opened the
// database itself. They run on a thread that may block, never on a loop. Their errors carry a
// sentence for the operator.
#pragma once

#include "api/access_changes.hpp"
#include "app/admin_jobs.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "db/database.hpp"
#include "ops/control_socket.hpp"

#include <filesystem>

namespace indaba::app {

struct AdminParts {
  // All outlive the handlers.
  db::Database& database;
  const Clock& clock;
  Random& random;
  std::filesystem::path database_file;
  // Whom a running server, and other nodes, tell that somebody's access ended.
  const api::AccessChanges& changes;
  JobAdminParts jobs;
};

// user.create, user.password, org.create, key.create, token.create, backup, migrate.status,
// and those of admin_jobs.hpp.
[[nodiscard]] ops::ControlHandlers admin_handlers(AdminParts parts);

}  // namespace indaba::app
