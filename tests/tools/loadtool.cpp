// loadtool: many WebSocket readers and some publishers against one server on this machine; prints
// one JSON object.
//
//   loadtool --port 8080 --token T --stream orgs/acme/topics/t --group fast:100:full --group
//   slow:100:10240:4096
//            --group stopped:500:0:4096 --rate 1000 --seconds 60
//
// A group is NAME:READERS:RATE[:RECEIVE_BUFFER]; RATE is `full`, or bytes a second, 0 for readers
// that stop reading.
#include "scenario.hpp"

#include <boost/json/serialize.hpp>
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace indaba::loadtool;

GroupOptions parse_group(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ':');) parts.push_back(part);
  if (parts.size() < 3 || parts.size() > 4)
    throw CLI::ValidationError("--group", "NAME:READERS:RATE[:RECEIVE_BUFFER]");
  GroupOptions group{parts[0], std::stoull(parts[1])};
  if (parts[2] != "full") group.rate = std::stoll(parts[2]);
  if (parts.size() == 4) group.receive_buffer = std::stoi(parts[3]);
  return group;
}

int run(int argc, char** argv) {
  CLI::App app{"Load for an Indaba server on this machine"};
  Options options;
  std::vector<std::string> groups;
  std::string via = "frames";
  app.add_option("--port", options.port)->required();
  app.add_option("--token", options.token, "an access token")->required();
  app.add_option("--stream", options.publishing.stream, "a topic, which all readers read")
      ->required();
  app.add_option("--group", groups, "NAME:READERS:RATE[:RECEIVE_BUFFER]");
  app.add_option("--publishers", options.publishers);
  app.add_option("--via", via, "how to publish")->check(CLI::IsMember({"frames", "http"}));
  app.add_option("--rate", options.rate,
                 "events a second in all; 0 is as fast as they are answered");
  app.add_option("--payload", options.publishing.payload_bytes);
  app.add_option("--window", options.publishing.window,
                 "events of a publisher that may wait for their answers");
  app.add_option("--batch", options.publishing.batch, "events in one HTTP request");
  app.add_option("--seconds", options.seconds);
  app.add_option("--warm-up", options.warm_up_seconds);
  app.add_option("--finish", options.finish_seconds);
  app.add_option("--reconnects", options.reconnects_per_second,
                 "connections a second that are cut at random");
  app.add_option("--seed", options.seed);
  app.add_option("--server-pid", options.server_pid);
  CLI11_PARSE(app, argc, argv);
  options.by_http = via == "http";
  for (const auto& group : groups) options.groups.push_back(parse_group(group));
  fmt::print("{}\n", boost::json::serialize(Scenario(std::move(options)).run()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
