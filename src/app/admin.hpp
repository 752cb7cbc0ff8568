// What the operator's commands do to the data.
//
// The same handlers serve the control socket of a running server and a command that opened the
// database itself. They run on a thread that may block, never on a loop. Their errors carry a
// sentence for the operator.
#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "db/database.hpp"
#include "ops/control_socket.hpp"

#include <filesystem>
#include <functional>
#include <vector>

namespace indaba::app {

struct AdminParts {
  // All outlive the handlers.
  db::Database& database;
  const Clock& clock;
  Random& random;
  std::filesystem::path database_file;
  // Called after the commit that ended a user's sign-ins; a running server ends their sockets and
  // forgets what it remembers.
  std::function<void(UserId, const std::vector<SessionId>&)> on_sessions_ended =
      [](UserId, const std::vector<SessionId>&) {};
};

// user.create, user.password, org.create, key.create, token.create, backup, migrate.status.
[[nodiscard]] ops::ControlHandlers admin_handlers(AdminParts parts);

}  // namespace indaba::app
