// indaba backup FILE, indaba backup verify FILE
#include "app/cli.hpp"
#include "ops/backup.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <memory>

namespace indaba::app {

namespace {

int verify(const CommandLine& line, const std::string& file) {
  const auto report = ops::verify_backup(file);
  if (!report) return line.fail(report.error());
  *line.out << fmt::format(
      "{}: {} bytes, schema {}, {} users, {} organisations, {} streams, {} events{}\n", file,
      report->bytes, report->schema_version, report->users, report->organisations, report->streams,
      report->events, report->checksum_compared ? "" : ", without a checksum to compare");
  return kDone;
}

}  // namespace

void add_backup(CLI::App& app, CommandLine& line) {
  auto* command =
      add_command(app, "backup", "Copy the database to a file, also while the server runs",
                  "indaba backup /backups/indaba-$(date +%F).db");
  const auto file = std::make_shared<std::string>();
  auto* where = command->add_option("file", *file, "The file to make; it must not exist yet");
  command->require_subcommand(0, 1);
  auto* check = add_command(*command, "verify", "Check a copy: checksum, integrity, schema",
                            "indaba backup verify /backups/indaba-2026-01-12.db");
  const auto checked = std::make_shared<std::string>();
  check->add_option("file", *checked, "The copy")->required();
  check->callback(
      [&line, checked] { line.run = [&line, checked] { return verify(line, *checked); }; });
  command->callback([&line, file, where, check] {
    if (check->parsed()) return;
    if (where->count() == 0) throw CLI::RequiredError("file");
    // The server has a working folder of its own.
    line.run = [&line, file] {
      return line.administer_and_print(
          "backup", {{"file", std::filesystem::absolute(*file).string()}}, "file");
    };
  });
}

}  // namespace indaba::app
