// indaba token create
#include "app/cli.hpp"
#include "app/config_values.hpp"

#include <CLI/CLI.hpp>
#include <memory>

namespace indaba::app {

void add_token(CLI::App& app, CommandLine& line) {
  auto* command =
      add_command(app, "token", "Make personal tokens", "indaba token create --user anna --ttl 1h");
  command->require_subcommand(1);
  struct Arguments {
    std::string user;
    std::string ttl = "30d";
  };
  const auto arguments = std::make_shared<Arguments>();
  auto* create =
      add_command(*command, "create", "Make a personal token of a user; prints it, this once",
                  "curl -H \"Authorization: Token $(indaba token create --user anna --ttl 1h)\" "
                  "http://127.0.0.1:8080/api/v1/me");
  create->add_option("--user", arguments->user, "The user's name")->required();
  create->add_option("--ttl", arguments->ttl, "How long it is good for: 30m, 1h, 30d [30d]");
  create->callback([&line, arguments] {
    line.run = [&line, arguments] {
      const auto ttl = parse_duration(arguments->ttl);
      if (!ttl || *ttl <= Millis(0))
        return line.fail("--ttl must be a duration such as 30m, 1h or 30d", kWrongUsage);
      return line.administer_and_print(
          "token.create", {{"user", arguments->user}, {"ttl_ms", ttl->count()}}, "token");
    };
  });
}

}  // namespace indaba::app
