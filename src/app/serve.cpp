#include "app/serve.hpp"

#include "app/demo.hpp"
#include "app/node.hpp"
#include "app/slow_steps.hpp"
#include "base/crypto.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <pthread.h>

namespace indaba::app {

namespace {

constexpr int kWrong = 2;
constexpr Millis kSlowStart{2000};

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

bool end_is_asked_for() {
  sigset_t pending;
  sigemptyset(&pending);
  ::sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

// Says once that it waits.
db::ProcessLock::KeepWaiting until_the_end(Logger& log) {
  return [&log, told = false]() mutable {
    if (!std::exchange(told, true))
      log.info("app", "waiting for another process to let go of the data folder");
    return !end_is_asked_for();
  };
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

// Called while it starts. Where the database does not answer, the start may wait for long at places
// that look at no signal; what it has not done by then, the database takes back.
class EarlyEnd {
 public:
  EarlyEnd(Logger& log, const Clock& clock) : log_(log), clock_(clock) {}

  void look() {
    if (!end_is_asked_for()) return;
    if (!asked_at_) {
      asked_at_ = clock_.mono();
      log_.info("app", "asked to end before it was ready");
    }
    if (clock_.mono() - *asked_at_ < kPatience) return;
    log_.warn("app", "ended in the middle of the start");
    std::cout.flush();
    std::_Exit(0);
  }

 private:
  static constexpr Millis kPatience{5000};
  Logger& log_;
  const Clock& clock_;
  std::optional<MonoTime> asked_at_;
};

Result<void> fill_demo(Node& node, const std::optional<std::string>& wanted) {
  auto password = ensure_demo(node.database(), node.settings().data.demo_password(), wanted,
                              node.clock(), node.random());
  if (!password) return std::move(password).error();
  std::cout << "demo organisation: demo; sign in as anna, ben or carla";
  if (*password) std::cout << " with the password " << **password;
  std::cout << '\n';
  return {};
}

std::string what_it_does(const Node& node, const ServeOptions& options) {
  if (options.http) return "listening on " + node.url();
  if (options.jobs) return fmt::format("working on {}", fmt::join(options.queues, ", "));
  return fmt::format("scheduling {} entries", node.scheduled());
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

// nullptr: it was asked to end before it was ready.
Result<std::unique_ptr<Node>> start(const Config& config, const ServeOptions& options,
                                    const std::optional<std::string>& demo_password,
                                    const Clock& clock, Logger& log) {
  EarlyEnd end(log, clock);
  SlowSteps starting(log, clock, "the start waits", kSlowStart, [&end] { end.look(); });
  starting.begin(options.takeover ? "the data folder" : "the database");
  auto made = Node::make(config, options, log);
  if (!made && options.takeover && end_is_asked_for()) {
    log.info("app", "stopped");
    return nullptr;
  }
  INDABA_TRY(auto node, std::move(made));
  if (options.demo) {
    INDABA_TRY_VOID(fill_demo(*node, demo_password));
  }
  if (!node->start(end_is_asked_for)) return nullptr;
  return node;
}

}  // namespace

int serve(const Config& config, ServeOptions options) {
  const auto signals = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread
  std::signal(SIGPIPE, SIG_IGN);
  const auto demo_password = environment("INDABA_DEMO_PASSWORD");

  const SystemClock clock;
  const auto logging = log_config(config);
  Logger log(clock, parse_log_level(logging.level).value_or(LogLevel::info),
             logging.json ? LogFormat::json : LogFormat::text);
  if (options.takeover) options.keep_waiting = until_the_end(log);
  auto node = start(config, options, demo_password, clock, log);
  if (!node) return refuse(node.error());
  if (!*node) return 0;
  log.info("app", "started", {{"version", INDABA_VERSION}, {"url", (*node)->url()}});
  std::cout << what_it_does(**node, options) << std::endl;

  wait_for_the_end(**node, config, log, signals);
  (*node)->stop();
  if (const int hanging = (*node)->hanging_jobs(); hanging > 0) {
    log.error("app", "stopped without jobs that do not come back", {{"count", hanging}});
    std::cout.flush();
    std::_Exit(0);  // nothing that the end would still have to write
  }
  log.info("app", "stopped");
  return 0;
}

}  // namespace indaba::app
