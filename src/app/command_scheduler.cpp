// indaba scheduler
#include "app/cli.hpp"
#include "app/serve.hpp"

#include <CLI/CLI.hpp>
#include <memory>

namespace indaba::app {

void add_scheduler(CLI::App& app, CommandLine& line) {
  auto* command = add_command(
      app, "scheduler",
      "Put scheduled work into the queue until Ctrl-C, without ports (PostgreSQL only); "
      "start as many as you like, one at a time does it",
      "indaba scheduler --config /etc/indaba.toml");
  const auto options = std::make_shared<ServeOptions>();
  options->http = options->jobs = false;
  command->add_flag("--test-tasks", options->test_tasks, "Tasks for tests")->group("");
  command->callback([&line, options] {
    line.run = [&line, options] {
      const auto config = line.config();
      return config ? serve(*config, *options) : kWrongUsage;
    };
  });
}

}  // namespace indaba::app
