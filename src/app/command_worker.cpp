// indaba worker
#include "app/cli.hpp"
#include "app/serve.hpp"

#include <CLI/CLI.hpp>
#include <memory>

namespace indaba::app {

void add_worker(CLI::App& app, CommandLine& line) {
  auto* command = add_command(app, "worker",
                              "Run background jobs until Ctrl-C, without ports (PostgreSQL only)",
                              "indaba worker --concurrency 8 --queues default,slow");
  const auto options = std::make_shared<ServeOptions>();
  options->http = options->schedule = false;
  bind_setting(*command, line, "--concurrency", "jobs.concurrency", "So many jobs at a time [4]");
  command->add_option("--queues", options->queues, "Whose jobs, separated by commas [default,long]")
      ->delimiter(',')
      ->check([](const std::string& name) { return name.empty() ? "a queue has a name" : ""; });
  command->add_flag("--test-tasks", options->test_tasks, "Tasks for tests")->group("");
  command->callback([&line, options] {
    line.run = [&line, options] {
      const auto config = line.config();
      return config ? serve(*config, *options) : kWrongUsage;
    };
  });
}

}  // namespace indaba::app
