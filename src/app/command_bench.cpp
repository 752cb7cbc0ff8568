// indaba bench: the load generator, against this server or any other.
#include "app/cli.hpp"
#include "base/json_write.hpp"
#include "bench/plan.hpp"
#include "bench/report.hpp"
#include "bench/run.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <unistd.h>

namespace indaba::app {

namespace {

using bench::Mode;
using bench::Options;

int run_bench(const CommandLine& line, const Options& options) {
  const auto plan = bench::make_plan(options);
  if (!plan)
    return line.fail(plan.error(), plan.error().kind == ErrorKind::invalid ? kWrongUsage : kFailed);
  const bool progress = !options.quiet && ::isatty(STDERR_FILENO) == 1;
  line.out->flush();
  const auto outcome = bench::run(*plan, progress);
  if (!outcome) return line.fail(outcome.error());
  if (options.json) {
    *line.out << json::to_text(bench::to_json(*plan, *outcome)) << '\n';
  } else {
    *line.out << bench::to_text(*plan, *outcome);
  }
  return outcome->good() ? kDone : kFailed;
}

void add_common(CLI::App& command, Options& options) {
  command.add_option("url", options.url, "ws://host:port/path, or http://… for server-sent events")
      ->required();
  command.add_option("--connections", options.connections, "How many [100]");
  command.add_option("--processes", options.processes, "Client processes [1]");
  command.add_option("--sources", options.sources,
                     "Loopback addresses to connect from [as many as ports need]");
  command.add_option("--parallel", options.parallel, "Connections being opened at once [256]");
  command.add_option("--header", options.headers, "'Name: value' of the handshake; repeat")
      ->allow_extra_args(false);
  command.add_option("--token", options.token, "Short for --header 'Authorization: Bearer TOKEN'");
  command.add_option("--send", options.sends, "Frame that each connection sends once open; repeat")
      ->allow_extra_args(false);
  command.add_option("--await", options.await,
                     "A connection is ready when a message contains this [the handshake]");
  command.add_option("--stream", options.stream,
                     "A stream of an Indaba server (orgs/acme/topics/t): fills in paths, templates "
                     "and what to await");
  command.add_option("--seconds", options.seconds,
                     "How long to measure, where it takes a time [10]");
  command.add_option("--warm-up", options.warm_up,
                     "Seconds before that are not measured, or before the cut [1]");
  command.add_option("--payload", options.payload, "Bytes of an event [256]");
  command.add_flag("--compress", options.compress, "Offer permessage-deflate");
  command.add_option("--timeout", options.timeout, "Seconds to wait for what does not come [30]");
  command.add_option("--server-pid", options.server_pids, "Tell its CPU and memory; repeat")
      ->allow_extra_args(false);
  command.add_flag("--json", options.json, "One JSON object instead of the table");
  command.add_flag("--quiet", options.quiet, "No progress line");
}

void add_sending(CLI::App& command, Options& options) {
  command.add_option("--window", options.window, "Closed loop: events under way at most [1]");
  command.add_option("--rate", options.rate, "Open loop: events a second");
  command.add_option("--publish", options.publish,
                     "What is sent for an event: {event}, {event_string}, {sender} and {uuid} are "
                     "filled in");
}

void add_publisher(CLI::App& command, Options& options) {
  command.add_option("--publish-url", options.publish_url, "Where to publish [the URL]");
  command.add_option("--publish-header", options.publish_headers, "As --header; repeat")
      ->allow_extra_args(false);
  command.add_option("--publish-send", options.publish_sends, "As --send; repeat")
      ->allow_extra_args(false);
  command.add_option("--publishers", options.publishers, "Connections that publish [1]");
}

CLI::App* add_mode(CLI::App& parent, CommandLine& line, Mode mode, const std::string& help,
                   const std::string& example, const std::shared_ptr<Options>& options) {
  const auto name = std::string(bench::name_of(mode));
  auto* command = add_command(parent, name, help, "indaba bench " + name + " " + example);
  add_common(*command, *options);
  command->callback([&line, options, mode] {
    options->mode = mode;
    line.run = [&line, options] { return run_bench(line, *options); };
  });
  return command;
}

}  // namespace

void add_bench(CLI::App& app, CommandLine& line) {
  const std::string stream = "ws://127.0.0.1:8080 --stream orgs/acme/topics/t --token $TOKEN ";
  auto* command =
      add_command(app, "bench",
                  "Measure a server under load: this one, or any WebSocket or event-stream server",
                  "indaba bench fanout " + stream + "--connections 1000");
  command->require_subcommand(1);
  const auto options = std::make_shared<Options>();

  auto* fanout =
      add_mode(*command, line, Mode::fanout, "Readers, and a publisher whose events they all get",
               stream + "--connections 1000 --window 16 --server-pid $(pidof indaba)", options);
  add_sending(*fanout, *options);
  add_publisher(*fanout, *options);
  fanout->add_option("--publish-await", options->publish_await,
                     "The publisher is ready when a message contains this");
  fanout->add_option("--publish-answer", options->publish_answer,
                     "What the answer to an event contains: its time is told too");
  fanout->add_flag("--seq", options->seq, "Check the server's own \"seq\" too");

  add_mode(*command, line, Mode::idle,
           "Open connections and wait: memory of one, and what they cost idle",
           stream + "--connections 10000 --server-pid $(pidof indaba)", options);

  auto* storm = add_mode(*command, line, Mode::storm,
                         "Open connections as fast as possible: CPU of a handshake",
                         stream + "--connections 5000 --server-pid $(pidof indaba)", options);
  storm->add_option("--rate", options->rate, "Connections a second [as fast as possible]");

  auto* echo = add_mode(*command, line, Mode::echo,
                        "Every connection sends a frame and awaits it, again and again",
                        "ws://127.0.0.1:9001/ --connections 100", options);
  add_sending(*echo, *options);

  auto* publish = add_mode(*command, line, Mode::publish,
                           "Every connection sends events and awaits the answer to each",
                           stream + "--connections 64 --window 16", options);
  add_sending(*publish, *options);
  publish->add_option("--publish-await", options->publish_await,
                      "What the answer to an event contains");

  auto* reconnect = add_mode(*command, line, Mode::reconnect,
                             "Cut all readers at once: how long until all have what they missed",
                             stream + "--connections 10000", options);
  reconnect->add_option("--missed", options->missed, "Events published meanwhile [10]");
  add_publisher(*reconnect, *options);
}

}  // namespace indaba::app
