// `indaba serve`: everything in one process, until a signal ends it; `indaba worker` and `indaba
// scheduler`: the same without ports, for background work, or its schedule, alone.
#pragma once

#include "app/config.hpp"
#include "db/process_lock.hpp"
#include "job/definition.hpp"

#include <string>
#include <vector>

namespace indaba::app {

struct ServeOptions {
  bool demo = false;      // fill an empty database with an organisation to try
  bool migrate = false;   // bring an older database up to this program first
  bool takeover = false;  // wait for another process that has the data folder, until it ends
  bool http = true;       // serve requests and sockets
  bool jobs = true;       // run background jobs in this process too
  bool schedule = true;   // put scheduled work into the queue, where no other process does
  std::vector<std::string> queues{"default", std::string(job::kLongQueue)};  // whose jobs
  bool test_tasks = false;                      // tasks for tests: test.nothing, …
  db::ProcessLock::KeepWaiting keep_waiting{};  // how long; serve() knows
  bool test_echo = false;  // the echo socket at /test/echo, for conformance suites
};

// Runs until SIGTERM or SIGINT, then drains. Returns the process's exit code: 0 after a clean stop,
// 2 where the configuration or the machine must be changed first, which one sentence on standard
// error says. On the main thread.
[[nodiscard]] int serve(const Config& config, ServeOptions options);

}  // namespace indaba::app
