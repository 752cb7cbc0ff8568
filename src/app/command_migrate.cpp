// indaba migrate up|status
#include "app/admin_client.hpp"
#include "app/cli.hpp"
#include "app/config_sections.hpp"
#include "app/storage.hpp"
#include "ops/control_socket.hpp"
#include "stream/event_log.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>

namespace indaba::app {

namespace {

// A running server has migrated its database already; it only says so.
std::optional<int> told_by_server(const CommandLine& line, const DataConfig& data) {
  const auto answered = ops::ask_server(data.control_socket(), "migrate.status", {});
  if (!answered && answered.error().code == "no_server") return std::nullopt;
  if (!answered) return line.fail(answered.error());
  *line.out << fmt::format("schema version {} of {}\n", answered->at("database").as_int64(),
                           answered->at("program").as_int64());
  return kDone;
}

int migrate_up(const CommandLine& line, const Config& config) {
  const auto data = data_config(config);
  if (const auto told = told_by_server(line, data)) return *told;
  const SystemClock clock;
  stream::EventLog log(clock);
  const auto database = open_database(data, Migrate::yes, log, clock);
  if (!database) return line.fail(database.error());
  *line.out << fmt::format("applied {} migrations\n", (*database)->migrated());
  return kDone;
}

int migrate_status(const CommandLine& line, const Config& config) {
  const auto data = data_config(config);
  if (const auto told = told_by_server(line, data)) return *told;
  const auto status = read_schema_status(data);
  if (!status) return line.fail(status.error());
  *line.out << fmt::format("schema version {} of {}\n", status->database, status->program);
  for (const auto& migration : status->migrations)
    *line.out << fmt::format("{:04} {:<24} {}\n", migration.version, migration.name,
                             migration.applied_at.empty() ? "pending" : migration.applied_at);
  return kDone;
}

}  // namespace

void add_migrate(CLI::App& app, CommandLine& line) {
  auto* command =
      add_command(app, "migrate", "Bring the database up to this program, or see where it stands",
                  "indaba migrate status");
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* help,
                       int (*run)(const CommandLine&, const Config&)) {
    add_command(*command, name, help, std::string("indaba migrate ") + name)
        ->callback([&line, run] {
          line.run = [&line, run] {
            const auto config = line.config();
            return config ? run(line, *config) : kWrongUsage;
          };
        });
  };
  add("up", "Apply what is pending", &migrate_up);
  add("status", "Show which migrations are applied", &migrate_status);
}

}  // namespace indaba::app
