// indaba scheduler
#include "app/cli.hpp"
#include "app/config_sections.hpp"
#include "app/loops.hpp"
#include "app/schedule_entries.hpp"
#include "app/storage.hpp"
#include "job/scheduler.hpp"
#include "stream/event_log.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <fmt/format.h>
#include <iostream>

namespace indaba::app {

namespace {

sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);  // inherited by every thread
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

// SIGHUP takes the log's level anew; what is scheduled is read at the start.
void wait_for_the_end(const Config& config, Logger& log, const sigset_t& signals) {
  for (int signal = SIGHUP; signal == SIGHUP;) {
    if (::sigwait(&signals, &signal) != 0 || signal != SIGHUP) continue;
    const auto again = config.reload();
    if (!again)
      log.error("app", "the configuration was not reloaded", {{"reason", again.error().detail}});
    else if (const auto level = parse_log_level(log_config(*again).level))
      log.set_level(*level);
  }
}

int run_scheduler(const CommandLine& line, const Config& config) {
  auto data = data_config(config);
  if (data.embedded())
    return line.fail("the embedded database has one process: `indaba serve` has the schedule in it",
                     kWrongUsage);
  const auto signals = block_signals();
  const SystemClock clock;
  SystemRandom random;
  const auto logging = log_config(config);
  Logger log(clock, parse_log_level(logging.level).value_or(LogLevel::info),
             logging.json ? LogFormat::json : LogFormat::text);
  data.postgres.writers = data.postgres.readers = 1;
  stream::EventLog events(clock);  // nothing here makes any
  const auto database = open_database(data, Migrate::no, events, clock);
  if (!database) return line.fail(database.error(), kWrongUsage);

  job::Registry registry;
  declare_house_tasks(registry, **database);
  auto entries = whole_schedule(config, registry);
  if (!entries) return line.fail(entries.error(), kWrongUsage);
  const auto count = entries->size();
  const job::Queue queue(registry, clock, random);
  Loops loops(1, clock, net::Loop::Sending::calls);
  job::Scheduler scheduler({**database, queue, clock, random, log, loops.first()},
                           *std::move(entries));
  loops.start();
  scheduler.start();
  log.info("app", "started", {{"version", INDABA_VERSION}, {"entries", count}});
  *line.out << fmt::format("scheduling {} entries", count) << std::endl;

  wait_for_the_end(config, log, signals);
  scheduler.stop_blocking();
  loops.stop();
  (*database)->stop();
  log.info("app", "stopped", {{"fired", scheduler.fired()}});
  return kDone;
}

}  // namespace

void add_scheduler(CLI::App& app, CommandLine& line) {
  add_command(app, "scheduler",
              "Put scheduled work into the queue until Ctrl-C, beside servers that share a "
              "PostgreSQL; start as many as you like, one at a time does it",
              "indaba scheduler --config /etc/indaba.toml")
      ->callback([&line] {
        line.run = [&line] {
          const auto config = line.config();
          return config ? run_scheduler(line, *config) : kWrongUsage;
        };
      });
}

}  // namespace indaba::app
