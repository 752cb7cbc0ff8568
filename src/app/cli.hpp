// The command line: `indaba <command> …`. One file a subcommand (command_*.cpp), each adds itself
// to the parser.
//
// Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration. What a command made goes
// to standard output and nothing else does; a failure is one sentence on standard error.
#pragma once

#include "app/config.hpp"
#include "base/result.hpp"

#include <CLI/App.hpp>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

namespace indaba::app {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kWrongUsage = 2;

// What commands share while the line is read and run. Lives as long as the parser.
struct CommandLine {
  ConfigInput input;  // environment from the process; flags are added while the line is read
  std::istream* in = nullptr;
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  std::function<int()> run;  // set by the subcommand that was chosen

  // One sentence for a person.
  int fail(const Error& error, int code = kFailed) const;
  int fail(std::string_view sentence, int code = kFailed) const;
  // The configuration, or its first mistake on standard error and none.
  [[nodiscard]] std::optional<Config> config() const;
  // One line from standard input, without its end.
  [[nodiscard]] std::string read_secret() const;
  // Lets `administer()` do it and prints a member of the answer; an empty name prints nothing.
  int administer_and_print(std::string_view command, const boost::json::object& arguments,
                           std::string_view member) const;
};

void add_serve(CLI::App& app, CommandLine& line);
void add_migrate(CLI::App& app, CommandLine& line);
void add_config(CLI::App& app, CommandLine& line);
void add_user(CLI::App& app, CommandLine& line);
void add_org(CLI::App& app, CommandLine& line);
void add_key(CLI::App& app, CommandLine& line);
void add_token(CLI::App& app, CommandLine& line);
void add_backup(CLI::App& app, CommandLine& line);
void add_restore(CLI::App& app, CommandLine& line);
void add_database(CLI::App& app, CommandLine& line);
void add_jobs(CLI::App& app, CommandLine& line);
void add_worker(CLI::App& app, CommandLine& line);
void add_health(CLI::App& app, CommandLine& line);
void add_scheduler(CLI::App& app, CommandLine& line);
void add_celery(CLI::App& app, CommandLine& line);
void add_bench(CLI::App& app, CommandLine& line);

// Reads the line and runs its command. Returns the exit code.
[[nodiscard]] int run_command_line(int argc, const char* const* argv, CommandLine line);

// A subcommand with an example under its help.
[[nodiscard]] CLI::App* add_command(CLI::App& parent, const std::string& name,
                                    const std::string& help, const std::string& example);
// Lets a flag set a setting of the table.
void bind_setting(CLI::App& app, CommandLine& line, const std::string& flag, const std::string& key,
                  const std::string& help);

}  // namespace indaba::app
