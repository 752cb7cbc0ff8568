// indaba celery: puts a task on a queue of a team's Celery, and tells what became of it.
#include "app/celery_wiring.hpp"
#include "app/cli.hpp"
#include "app/config_values.hpp"
#include "base/json.hpp"
#include "base/json_write.hpp"
#include "job/celery_client.hpp"

#include <CLI/CLI.hpp>
#include <future>
#include <iostream>
#include <memory>

namespace indaba::app {

namespace {

using namespace job::celery;

constexpr Millis kConnecting{5'000};

struct Arguments {
  std::string task;
  std::string args = "[]";
  std::string kwargs = "{}";
  std::string queue = "celery";
  std::string id;
  std::string countdown;
  std::string expires;
  std::string hard;
  std::string soft;
  std::string wait;
  int priority = 0;
  bool ignore_result = false;
};

Result<std::optional<Millis>> duration_of(const char* flag, const std::string& text) {
  if (text.empty()) return std::optional<Millis>();
  const auto duration = parse_duration(text);
  if (!duration)
    return Error(ErrorKind::invalid,
                 fmt::format("{} must be a duration such as 500ms, 30s or 10m", flag));
  return std::optional(*duration);
}

Result<Sending> sending_of(const Arguments& arguments, WallTime now) {
  Sending sending;
  const auto args = json::parse(arguments.args);
  const auto kwargs = json::parse(arguments.kwargs);
  if (!args || !args->is_array())
    return Error(ErrorKind::invalid, "--args must be a JSON list such as '[1, \"two\"]'");
  if (!kwargs || !kwargs->is_object())
    return Error(ErrorKind::invalid, "--kwargs must be a JSON object such as '{\"y\": 2}'");
  sending.task = arguments.task;
  sending.args = args->get_array();
  sending.kwargs = kwargs->get_object();
  sending.queue = arguments.queue;
  sending.id = arguments.id;
  sending.priority = arguments.priority;
  sending.ignore_result = arguments.ignore_result;
  INDABA_TRY(const auto countdown, duration_of("--countdown", arguments.countdown));
  INDABA_TRY(const auto expires, duration_of("--expires", arguments.expires));
  if (countdown) sending.eta = now + *countdown;
  if (expires) sending.expires = now + *expires;
  INDABA_TRY(sending.hard, duration_of("--time-limit", arguments.hard));
  INDABA_TRY(sending.soft, duration_of("--soft-time-limit", arguments.soft));
  return sending;
}

// On a loop of the command's own; the answer goes to the one who waits outside.
template <class T>
Task<void> hand_over(Task<T> task, std::promise<T>* to) {
  to->set_value(co_await std::move(task));
}
template <class T>
T wait_for(cluster::LoopThread& thread, Task<T> task) {
  std::promise<T> promise;
  auto future = promise.get_future();
  thread.loop().post([&] { spawn(hand_over(std::move(task), &promise)); });
  return future.get();
}

int print_outcome(const CommandLine& line, const Outcome& outcome) {
  if (outcome.state == State::success) {
    *line.out << outcome.result << '\n';
    return kDone;
  }
  return line.fail(fmt::format("{}: {}", to_string(outcome.state),
                               outcome.exception ? repr_of(*outcome.exception) : "no reason"));
}

int send(const CommandLine& line, const Config& config, const Arguments& arguments) {
  const SystemClock clock;
  SystemRandom random;
  auto log = Logger::null();
  auto celery = celery_config(config);
  if (!celery) return line.fail(celery.error(), kWrongUsage);
  auto sending = sending_of(arguments, clock.wall());
  if (!sending) return line.fail(sending.error(), kWrongUsage);
  const auto within = duration_of("--wait", arguments.wait);
  if (!within) return line.fail(within.error(), kWrongUsage);

  Client client(celery->broker, celery->backend, {celery->worker.broker.visibility}, clock, random,
                log);
  cluster::LoopThread thread(clock);
  thread.start();
  client.start();
  for (const auto until = clock.mono() + kConnecting; !client.came_up() && clock.mono() < until;)
    std::this_thread::sleep_for(Millis(5));
  const auto id = wait_for(thread, client.send(*std::move(sending)));
  if (!id)
    return line.fail(id.error(), id.error().kind == ErrorKind::invalid ? kWrongUsage : kFailed);
  if (!*within) {
    *line.out << *id << '\n';
    return kDone;
  }
  const auto outcome = wait_for(thread, client.result(*id, **within));
  if (!outcome) return line.fail(outcome.error());
  return print_outcome(line, *outcome);
}

}  // namespace

void add_celery(CLI::App& app, CommandLine& line) {
  auto* command = add_command(app, "celery", "Call tasks of a team's Celery",
                              "indaba celery send shop.tasks.add --args '[40, 2]' --wait 10s");
  command->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  auto* sender = add_command(
      *command, "send", "Put a task on a queue; prints its id, or with --wait its result",
      "indaba celery send shop.tasks.add --args '[40]' --kwargs '{\"y\": 2}' --wait 10s");
  sender->add_option("task", arguments->task, "The task's name in Python")->required();
  sender->add_option("--args", arguments->args, "Its arguments, a JSON list");
  sender->add_option("--kwargs", arguments->kwargs, "Its keyword arguments, a JSON object");
  sender->add_option("--queue", arguments->queue, "The queue [celery]");
  sender->add_option("--id", arguments->id, "The task's id [a new one]");
  sender->add_option("--countdown", arguments->countdown, "Not before so long from now: 30s");
  sender->add_option("--expires", arguments->expires, "Not after so long from now: 10m");
  sender->add_option("--priority", arguments->priority, "0, the most urgent, to 9 [0]");
  sender->add_option("--time-limit", arguments->hard, "When it is ended: 30s");
  sender->add_option("--soft-time-limit", arguments->soft, "When it is asked to end: 25s");
  sender->add_option("--wait", arguments->wait, "How long to wait for its result: 10s");
  sender->add_flag("--ignore-result", arguments->ignore_result, "Keep no result");
  sender->callback([&line, arguments] {
    line.run = [&line, arguments] {
      const auto config = line.config();
      return config ? send(line, *config, *arguments) : kWrongUsage;
    };
  });
}

}  // namespace indaba::app
