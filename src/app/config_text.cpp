#include "app/config_text.hpp"

#include "app/settings.hpp"
#include "base/text.hpp"

#include <fmt/format.h>
#include <iterator>
#include <vector>

namespace indaba::app {

namespace {

constexpr std::string_view kHeading = R"(# Configuration

Flags win over the environment, the environment over `indaba.toml`, the file over the defaults. With nothing configured, data is kept
in `./data`, keys are made on first start, and the server listens on `127.0.0.1:8080`.

- The file is `indaba.toml` in the working folder, or the one that `--config` or `INDABA_CONFIG` names:

  ```toml
  [server]
  listen = "0.0.0.0:8080"
  public_url = "https://community.example.com"
  trusted_proxies = ["10.0.0.0/8"]

  [auth.external]
  jwks_url = "https://accounts.example.com/.well-known/jwks.json"
  algorithms = ["RS256"]
  ```
- Every setting has an environment variable, `INDABA_` and the key in capitals; some are understood by names that teams already have.
  A secret may also stand in a file that the variable with `_FILE` behind its name points to.
- An unknown key, in the file or in the environment, is an error; `indaba config check` says what is wrong, `indaba config show` what is
  in force and where it comes from, with secrets masked.
- `DEBUG` or `DJANGO_DEBUG` makes the log verbose and does nothing else. `REALTIME_HOST` and `REALTIME_PORT` are another way to say
  `server.listen`.
- `[jobs.schedule.NAME]` in the file is work that comes again and again ([schedule.md](schedule.md)).
- Settings marked with ↻ take effect on SIGHUP, all others on the next start.

This page is generated: `indaba config env --markdown > docs/configuration.md`.
)";

std::string environment_names(const Setting& setting, std::string_view separator,
                              std::string_view quote) {
  auto names = fmt::format("{0}{1}{0}", quote, environment_name(setting));
  for (const auto name : text::split(setting.also, ' '))
    if (!name.empty()) names += fmt::format("{1}{0}{2}{0}", quote, separator, name);
  return names;
}

std::string default_of(const Setting& setting) {
  return setting.fallback.empty() ? "none" : std::string(setting.fallback);
}

std::string type_of(const Setting& setting) {
  if (setting.choices.empty()) return std::string(to_string(setting.type));
  return fmt::format("{}{}", setting.type == SettingType::list ? "list of " : "",
                     fmt::join(text::split(setting.choices, '|'), ", "));
}

std::string section_of(const Setting& setting) {
  return std::string(setting.key.substr(0, setting.key.find('.')));
}

}  // namespace

std::string show_settings(const Config& config) {
  std::string out;
  for (const auto& setting : settings()) {
    const auto& value = config.value(setting.key);
    const auto shown = value.text.empty() ? "-" : setting.secret ? "********" : value.text;
    fmt::format_to(std::back_inserter(out), "{:<40} {:<32} {}\n", setting.key, shown,
                   value.where.empty() ? "default" : value.where);
  }
  return out;
}

std::string list_settings() {
  std::string out;
  for (const auto& setting : settings()) {
    fmt::format_to(
        std::back_inserter(out),
        "{}\n    {}\n    environment: {}\n    type: {}, default: {}{}{}{}\n", setting.key,
        setting.help, environment_names(setting, ", ", ""), type_of(setting), default_of(setting),
        setting.flag.empty() ? "" : fmt::format(", flag: {}", setting.flag),
        setting.secret ? ", secret" : "", setting.reloads ? ", taken anew on SIGHUP" : "");
  }
  return out;
}

std::string document_settings() {
  std::string out(kHeading);
  std::string section;
  for (const auto& setting : settings()) {
    if (section_of(setting) != section) {
      section = section_of(setting);
      fmt::format_to(std::back_inserter(out),
                     "\n## {}\n\n| key | environment | type | default | |\n|---|---|---|---|---|\n",
                     section);
    }
    fmt::format_to(std::back_inserter(out), "| `{}`{}{} | {} | {} | {} | {}{} |\n", setting.key,
                   setting.reloads ? " ↻" : "",
                   setting.flag.empty() ? "" : fmt::format(", `{}`", setting.flag),
                   environment_names(setting, " ", "`"), type_of(setting),
                   setting.fallback.empty() ? "" : fmt::format("`{}`", setting.fallback),
                   setting.help, setting.secret ? " (secret)" : "");
  }
  return out;
}

}  // namespace indaba::app
