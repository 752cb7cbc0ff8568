// indaba config check|show|env
#include "app/cli.hpp"
#include "app/config_text.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

namespace indaba::app {

namespace {

// Unlike every other command, this one tells all mistakes, a line each.
int check_config(const CommandLine& line) {
  const auto config = Config::load(line.input);
  if (config) return kDone;
  for (const auto& problem : config.error().fields) line.fail(problem.message);
  return kWrongUsage;
}

int show_config(const CommandLine& line) {
  const auto config = line.config();
  if (!config) return kWrongUsage;
  *line.out << show_settings(*config);
  return kDone;
}

}  // namespace

void add_config(CLI::App& app, CommandLine& line) {
  auto* command = add_command(app, "config", "Look at the configuration", "indaba config check");
  command->require_subcommand(1);
  add_command(*command, "check", "Say what is wrong with it; exit code 2 where something is",
              "indaba config check --config indaba.toml")
      ->callback([&line] { line.run = [&line] { return check_config(line); }; });
  add_command(*command, "show", "Show what is in force and where it comes from, secrets masked",
              "indaba config show | grep limits")
      ->callback([&line] { line.run = [&line] { return show_config(line); }; });
  auto* env = add_command(*command, "env",
                          "List every setting with its environment names, type and default",
                          "indaba config env");
  const auto markdown = std::make_shared<bool>(false);
  env->add_flag("--markdown", *markdown, "As docs/configuration.md");
  env->callback([&line, markdown] {
    line.run = [&line, markdown] {
      *line.out << (*markdown ? document_settings() : list_settings());
      return kDone;
    };
  });
}

}  // namespace indaba::app
