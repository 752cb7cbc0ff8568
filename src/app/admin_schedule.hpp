// `indaba jobs schedule`: what comes when, and when it came last.
#pragma once

#include "app/cli.hpp"
#include "db/database.hpp"
#include "ops/control_socket.hpp"

namespace indaba::app {

// "jobs.schedule": {"entries": [{name, task, arguments, timing, next, last, fired_at, job}, …]}.
// `database` outlives the handlers.
void add_schedule_handler(ops::ControlHandlers& handlers, db::Database& database);

// Below `indaba jobs`.
void add_jobs_schedule(CLI::App& jobs, CommandLine& line);

}  // namespace indaba::app
