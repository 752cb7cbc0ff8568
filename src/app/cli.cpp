#include "app/cli.hpp"

#include "app/admin_client.hpp"
#include "base/json_write.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

namespace indaba::app {

namespace {

// The sentence of an error, whichever of its texts has one: commands are for the operator, who may
// know all.
std::string sentence_of(const Error& error) {
  if (!error.detail.empty()) return error.detail;
  if (!error.log.empty()) return error.log;
  return std::string(error.code_or_slug());
}

void add_all(CLI::App& app, CommandLine& line) {
  add_serve(app, line);
  add_scheduler(app, line);
  add_migrate(app, line);
  add_config(app, line);
  add_user(app, line);
  add_org(app, line);
  add_key(app, line);
  add_token(app, line);
  add_backup(app, line);
  add_restore(app, line);
  add_database(app, line);
  add_jobs(app, line);
  add_worker(app, line);
  add_health(app, line);
  add_celery(app, line);
  add_bench(app, line);
}

}  // namespace

int CommandLine::fail(const Error& error, int code) const {
  return fail(sentence_of(error), code);
}

int CommandLine::fail(std::string_view sentence, int code) const {
  std::string one_line(sentence.substr(0, sentence.find_last_not_of('\n') + 1));
  std::ranges::replace(one_line, '\n', ' ');
  *err << "indaba: " << one_line << '\n';
  return code;
}

std::optional<Config> CommandLine::config() const {
  auto loaded = Config::load(input);
  if (loaded) return *std::move(loaded);
  fail(loaded.error());
  return std::nullopt;
}

std::string CommandLine::read_secret() const {
  std::string secret;
  std::getline(*in, secret);
  if (secret.ends_with('\r')) secret.pop_back();
  return secret;
}

int CommandLine::administer_and_print(std::string_view command,
                                      const boost::json::object& arguments,
                                      std::string_view member) const {
  const auto configured = config();
  if (!configured) return kWrongUsage;
  const auto done = administer(*configured, command, arguments);
  if (!done) return fail(done.error());
  if (member.empty()) return kDone;
  const auto& made = done->at(member);
  *out << (made.is_string() ? std::string(made.as_string()) : json::to_text(made)) << '\n';
  return kDone;
}

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& help,
                      const std::string& example) {
  auto* command = parent.add_subcommand(name, help);
  command->footer("Example:\n  " + example);
  command->fallthrough();
  return command;
}

void bind_setting(CLI::App& app, CommandLine& line, const std::string& flag, const std::string& key,
                  const std::string& help) {
  app.add_option_function<std::string>(
      flag, [&line, key](const std::string& text) { line.input.flags.insert_or_assign(key, text); },
      help);
}

int run_command_line(int argc, const char* const* argv, CommandLine line) {
  CLI::App app(
      "A realtime community backend in one program: organisations, notifications that nobody "
      "misses, and what operates them.",
      "indaba");
  app.set_version_flag("--version", std::string("indaba ") + INDABA_VERSION);
  app.require_subcommand(1);
  app.footer("Example:\n  indaba serve --demo\n\n`indaba COMMAND --help` tells more.");
  app.add_option_function<std::string>(
      "--config", [&line](const std::string& file) { line.input.file = file; },
      "The configuration file [./indaba.toml, if it is there]");
  bind_setting(app, line, "--data", "data.dir", "The data folder [./data]");
  add_all(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    *line.out << app.help();
    return kDone;
  } catch (const CLI::CallForVersion& version) {
    *line.out << version.what() << '\n';
    return kDone;
  } catch (const CLI::RequiredError& error) {
    const auto unknown = app.remaining(true);
    return line.fail((unknown.empty() ? std::string(error.what())
                                      : "There is no command '" + unknown.front() + "'") +
                         " (`indaba --help` lists the commands)",
                     kWrongUsage);
  } catch (const CLI::ParseError& error) {
    return line.fail(std::string(error.what()) + " (`indaba --help` lists the commands)",
                     kWrongUsage);
  }
  try {
    return line.run ? line.run() : kWrongUsage;
  } catch (const std::exception& error) {
    return line.fail(std::string("this should not have happened: ") + error.what());
  }
}

}  // namespace indaba::app
