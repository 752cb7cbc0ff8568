// indaba key create
#include "app/cli.hpp"

#include <CLI/CLI.hpp>
#include <memory>

namespace indaba::app {

void add_key(CLI::App& app, CommandLine& line) {
  auto* command =
      add_command(app, "key", "Make API keys", "indaba key create --org acme --scopes publish");
  command->require_subcommand(1);
  struct Arguments {
    std::string org;
    std::string scopes;
    std::string name;
  };
  const auto arguments = std::make_shared<Arguments>();
  auto* create =
      add_command(*command, "create", "Make an API key of an organisation; prints it, this once",
                  "indaba key create --org acme --scopes publish,read --name backend");
  create->add_option("--org", arguments->org, "The organisation's slug")->required();
  create
      ->add_option("--scopes", arguments->scopes,
                   "What it may do: publish, read, admin; separated by commas")
      ->required();
  create->add_option("--name", arguments->name, "What it is for");
  create->callback([&line, arguments] {
    line.run = [&line, arguments] {
      return line.administer_and_print(
          "key.create",
          {{"org", arguments->org}, {"scopes", arguments->scopes}, {"name", arguments->name}},
          "key");
    };
  });
}

}  // namespace indaba::app
