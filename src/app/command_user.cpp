// indaba user create|password
#include "app/cli.hpp"

#include <CLI/CLI.hpp>
#include <memory>

namespace indaba::app {

namespace {

struct UserArguments {
  std::string name;
  bool password_on_stdin = false;
  bool superuser = false;
};

constexpr std::string_view kNoPassword =
    "give the password on standard input and say so with --password-stdin";

void add_common(CLI::App& command, UserArguments& arguments) {
  command.add_option("name", arguments.name, "The user's name")->required();
  command.add_flag("--password-stdin", arguments.password_on_stdin,
                   "Read the password from standard input");
}

}  // namespace

void add_user(CLI::App& app, CommandLine& line) {
  auto* command = add_command(app, "user", "Make users and change their passwords",
                              "indaba user create anna --password-stdin --superuser");
  command->require_subcommand(1);
  const auto arguments = std::make_shared<UserArguments>();

  auto* create = add_command(
      *command, "create", "Make a user; prints the user's number",
      "printf '%s\\n' \"$PASSWORD\" | indaba user create anna --password-stdin --superuser");
  add_common(*create, *arguments);
  create->add_flag("--superuser", arguments->superuser, "May administer the whole server");
  create->callback([&line, arguments] {
    line.run = [&line, arguments] {
      if (!arguments->password_on_stdin) return line.fail(kNoPassword, kWrongUsage);
      return line.administer_and_print("user.create",
                                       {{"username", arguments->name},
                                        {"password", line.read_secret()},
                                        {"superuser", arguments->superuser}},
                                       "id");
    };
  });

  auto* password =
      add_command(*command, "password", "Set a user's password; ends all sign-ins of that user",
                  "printf '%s\\n' \"$PASSWORD\" | indaba user password anna --password-stdin");
  add_common(*password, *arguments);
  password->callback([&line, arguments] {
    line.run = [&line, arguments] {
      if (!arguments->password_on_stdin) return line.fail(kNoPassword, kWrongUsage);
      return line.administer_and_print(
          "user.password", {{"username", arguments->name}, {"password", line.read_secret()}}, "");
    };
  });
}

}  // namespace indaba::app
