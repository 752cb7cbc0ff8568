// indaba restore FILE
#include "app/cli.hpp"
#include "app/config_sections.hpp"
#include "app/storage.hpp"
#include "ops/backup.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>
#include <memory>

namespace indaba::app {

namespace {

struct RestoreArguments {
  std::string file;
  bool dry_run = false;
};

int restore(const CommandLine& line, const Config& config, const RestoreArguments& arguments) {
  const SystemClock clock;
  SystemRandom random;
  const auto data = data_config(config);
  if (!data.embedded())
    return line.fail(
        only_embedded("indaba restore", "pg_restore, then indaba database new-epochs"));
  const auto report =
      ops::restore(arguments.file, data.database_file(), arguments.dry_run, clock, random);
  if (!report) return line.fail(report.error());
  *line.out << fmt::format("{} {} events of {} streams, in new epochs\n",
                           arguments.dry_run ? "would restore" : "restored", report->backup.events,
                           report->backup.streams);
  if (!report->previous_kept.empty())
    *line.out << fmt::format("the database that was there is now {}\n",
                             report->previous_kept.string());
  return kDone;
}

}  // namespace

void add_restore(CLI::App& app, CommandLine& line) {
  auto* command =
      add_command(app, "restore", "Put a backup in the database's place; the server must not run",
                  "indaba restore /backups/indaba-2026-01-12.db");
  const auto arguments = std::make_shared<RestoreArguments>();
  command->add_option("file", arguments->file, "The backup")->required();
  command->add_flag("--dry-run", arguments->dry_run, "Check everything and change nothing");
  command->callback([&line, arguments] {
    line.run = [&line, arguments] {
      const auto config = line.config();
      return config ? restore(line, *config, *arguments) : kWrongUsage;
    };
  });
}

}  // namespace indaba::app
