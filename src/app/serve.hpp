// `indaba serve`: everything in one process, until a signal ends it; `indaba worker`: the same
// without ports, for background work alone.
#pragma once

#include "app/config.hpp"

#include <string>
#include <vector>

namespace indaba::app {

struct ServeOptions {
  bool demo = false;                           // fill an empty database with an organisation to try
  bool migrate = false;                        // bring an older database up to this program first
  bool jobs = true;                            // run background jobs in this process too
  bool http = true;                            // serve requests and sockets
  std::vector<std::string> queues{"default"};  // whose jobs
  bool test_tasks = false;                     // tasks for tests: test.nothing, …
  bool test_echo = false;  // the echo socket at /test/echo, for conformance suites
};

// Runs until SIGTERM or SIGINT, then drains. Returns the process's exit code: 0 after a clean stop,
// 2 where the configuration or the machine must be changed first, which one sentence on standard
// error says. On the main thread.
[[nodiscard]] int serve(const Config& config, const ServeOptions& options);

}  // namespace indaba::app
