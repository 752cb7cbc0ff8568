// indaba serve
#include "app/cli.hpp"
#include "app/serve.hpp"

#include <CLI/CLI.hpp>
#include <memory>

namespace indaba::app {

void add_serve(CLI::App& app, CommandLine& line) {
  auto* command = add_command(app, "serve",
                              "Run the server until Ctrl-C: HTTP, sockets and jobs in one process",
                              "indaba serve --listen 0.0.0.0:8080 --data /var/lib/indaba");
  const auto options = std::make_shared<ServeOptions>();
  const auto no_jobs = std::make_shared<bool>(false);
  bind_setting(*command, line, "--listen", "server.listen",
               "HOST:PORT; port 0 picks one and prints it [127.0.0.1:8080]");
  command->add_flag("--demo", options->demo, "Fill an empty database with an organisation to try");
  command->add_flag("--migrate", options->migrate,
                    "Bring an older database up to this program first");
  command->add_flag("--takeover", options->takeover,
                    "Wait until the process that has the data folder ends, and go on from there");
  command->add_flag("--no-jobs", *no_jobs, "A pure gateway: run no background jobs");
  command->add_flag("--test-echo", options->test_echo, "An echo socket at /test/echo")->group("");
  command->add_flag("--test-tasks", options->test_tasks, "Tasks named test.*")->group("");
  command->callback([&line, options, no_jobs] {
    options->jobs = options->schedule = !*no_jobs;
    line.run = [&line, options] {
      const auto config = line.config();
      return config ? serve(*config, *options) : kWrongUsage;
    };
  });
}

}  // namespace indaba::app
