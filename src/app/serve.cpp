#include "app/serve.hpp"

#include "app/demo.hpp"
#include "app/node.hpp"
#include "base/crypto.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <pthread.h>

namespace indaba::app {

namespace {

constexpr int kWrong = 2;

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

int refuse(const Error& error) {
  std::cerr << "indaba: " << (error.detail.empty() ? error.log : error.detail) << '\n';
  return kWrong;
}

std::optional<std::string> environment(const char* name) {
  const char* value =
      std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread is started
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

Result<void> fill_demo(Node& node, const std::optional<std::string>& wanted) {
  auto password = ensure_demo(node.database(), node.settings().data.demo_password(), wanted,
                              node.clock(), node.random());
  if (!password) return std::move(password).error();
  std::cout << "demo organisation: demo; sign in as anna, ben or carla";
  if (*password) std::cout << " with the password " << **password;
  std::cout << '\n';
  return {};
}

// Until a signal asks for the end. SIGHUP reads again what can be read again.
void wait_for_the_end(Node& node, const Config& config, Logger& log, const sigset_t& signals) {
  for (;;) {
    int signal = 0;
    if (::sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP)
      return log.info("app", "draining", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
    if (const auto again = config.reload()) {
      if (const auto level = parse_log_level(log_config(*again).level)) log.set_level(*level);
      node.reload(*again);
      log.info("app", "configuration reloaded");
    } else {
      log.error("app", "the configuration was not reloaded", {{"reason", again.error().detail}});
    }
  }
}

}  // namespace

int serve(const Config& config, const ServeOptions& options) {
  const auto signals = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread
  std::signal(SIGPIPE, SIG_IGN);
  const auto demo_password = environment("INDABA_DEMO_PASSWORD");

  const SystemClock clock;
  const auto logging = log_config(config);
  Logger log(clock, parse_log_level(logging.level).value_or(LogLevel::info),
             logging.json ? LogFormat::json : LogFormat::text);
  auto node = Node::make(config, options, log);
  if (!node) return refuse(node.error());
  if (options.demo) {
    if (const auto filled = fill_demo(**node, demo_password); !filled)
      return refuse(filled.error());
  }
  (*node)->start();
  log.info("app", "started", {{"version", INDABA_VERSION}, {"url", (*node)->url()}});
  if (options.http)
    std::cout << "listening on " << (*node)->url() << std::endl;
  else
    std::cout << fmt::format("working on {}", fmt::join(options.queues, ", ")) << std::endl;

  wait_for_the_end(**node, config, log, signals);
  (*node)->stop();
  log.info("app", "stopped");
  return 0;
}

}  // namespace indaba::app
