// indaba org create
#include "app/cli.hpp"

#include <CLI/CLI.hpp>
#include <memory>

namespace indaba::app {

void add_org(CLI::App& app, CommandLine& line) {
  auto* command = add_command(app, "org", "Make organisations",
                              "indaba org create acme --name \"Acme Ltd\" --owner anna");
  command->require_subcommand(1);
  struct Arguments {
    std::string slug;
    std::string name;
    std::string owner;
  };
  const auto arguments = std::make_shared<Arguments>();
  auto* create = add_command(*command, "create", "Make an organisation; prints its number",
                             "indaba org create acme --name \"Acme Ltd\" --owner anna");
  create->add_option("slug", arguments->slug, "Its name in URLs")->required();
  create->add_option("--name", arguments->name, "Its name for people [the slug]");
  create->add_option("--owner", arguments->owner, "The user who owns it")->required();
  create->callback([&line, arguments] {
    line.run = [&line, arguments] {
      return line.administer_and_print(
          "org.create",
          {{"slug", arguments->slug}, {"name", arguments->name}, {"owner", arguments->owner}},
          "id");
    };
  });
}

}  // namespace indaba::app
