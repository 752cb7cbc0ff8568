#include "app/config.hpp"

#include "app/bridge_config.hpp"
#include "app/config_sources.hpp"
#include "app/schedule_config.hpp"
#include "auth/django_tokens.hpp"
#include "base/check.hpp"
#include "base/text.hpp"
#include "cluster/redis_target.hpp"

#include <fmt/format.h>
#include <utility>

namespace indaba::app {

namespace {

// What a value of this type must look like, or nothing where it does.
std::optional<std::string> wrong_with(const Setting& setting, const std::string& text) {
  const auto choices = text::split(setting.choices, '|');
  const auto is_choice = [&](std::string_view word) {
    return std::ranges::find(choices, word) != choices.end();
  };
  switch (setting.type) {
    case SettingType::text:
      return std::nullopt;
    case SettingType::list:
      if (setting.choices.empty() || std::ranges::all_of(parse_list(text), is_choice))
        return std::nullopt;
      return fmt::format("must be a list of {}", fmt::join(choices, ", "));
    case SettingType::choice:
      if (is_choice(text)) return std::nullopt;
      return fmt::format("must be one of {}", fmt::join(choices, ", "));
    case SettingType::boolean:
      return parse_boolean(text) ? std::nullopt : std::optional("must be true or false");
    case SettingType::integer:
      return parse_count(text) ? std::nullopt : std::optional("must be a whole number from 0 on");
    case SettingType::bytes:
      return parse_bytes(text) ? std::nullopt
                               : std::optional("must be a size such as 65536 or 64KiB");
    case SettingType::duration:
      return parse_duration(text) ? std::nullopt
                                  : std::optional("must be a duration such as 30s, 10m or 30d");
    case SettingType::address:
      return parse_address(text) ? std::nullopt
                                 : std::optional("must be HOST:PORT, such as 127.0.0.1:8080");
    case SettingType::url:
      return is_url(text) ? std::nullopt : std::optional("must be a URL, with its scheme in front");
  }
  return std::nullopt;
}

void check_values(const std::map<std::string, Value, std::less<>>& values,
                  std::vector<FieldError>& problems) {
  for (const auto& setting : settings()) {
    const auto& value = values.find(setting.key)->second;
    if (value.text.empty()) continue;
    if (const auto wrong = wrong_with(setting, value.text)) {
      const auto shown =
          setting.secret ? std::string() : fmt::format(", and not \"{}\"", value.text);
      problems.push_back(
          {std::string(setting.key), "invalid_field",
           fmt::format("{} ({}) {}{}", setting.key, value.where.empty() ? "default" : value.where,
                       *wrong, shown)});
    }
  }
}

// Mistakes that only show between two settings, or from where the process runs.
void check_together(const Config& config, const ConfigInput& input,
                    std::vector<FieldError>& problems) {
  if (config.is_set("tls.cert") != config.is_set("tls.key")) {
    problems.push_back({"tls.cert", "missing_field",
                        "tls.cert and tls.key belong together: set both, or none for plain HTTP"});
  }
  for (const auto* key : {"database.url", "redis.url", "bridge.url"}) {
    const auto host = url_host(config.text(key));
    if (input.in_container && (host == "localhost" || host == "127.0.0.1" || host == "::1")) {
      problems.push_back({key, "invalid_field",
                          fmt::format("{} names {}, which inside a container is the container "
                                      "itself: use the service's name",
                                      key, host)});
    }
  }
  const auto& database = config.text("database.url");
  if (!database.empty() && !database.starts_with("postgres://") &&
      !database.starts_with("postgresql://")) {
    problems.push_back({"database.url", "invalid_field",
                        "database.url must begin with postgres://; leave it out for the embedded "
                        "database in data.dir"});
  }
  for (const auto* key : {"redis.url", "bridge.url"}) {
    if (!config.is_set(key)) continue;
    if (const auto target = cluster::RedisTarget::parse(config.text(key)); !target)
      problems.push_back({key, "invalid_field", fmt::format("{}: {}", key, target.error().detail)});
  }
  if (config.boolean("auth.django_tokens")) {
    if (database.empty())
      problems.push_back({"auth.django_tokens", "invalid_field",
                          "auth.django_tokens reads Django's tables: database.url must name the "
                          "PostgreSQL in which they are"});
    if (!auth::DjangoTokens::is_table_name(config.text("auth.django_user_table")))
      problems.push_back({"auth.django_user_table", "invalid_field",
                          "auth.django_user_table must be the name of a table: a-z, 0-9, \"_\""});
  }
  const auto take_fields = [&problems](const auto& section) {
    if (section) return;
    const Error error = section.error();  // a copy, at each call
    problems.insert(problems.end(), error.fields.begin(), error.fields.end());
  };
  take_fields(bridge_config(config));
  take_fields(schedule_config(config));
}

}  // namespace

ConfigInput ConfigInput::from_process(char** environment) {
  ConfigInput input;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry(*environment);
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos)
      input.environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  std::error_code ignored;
  input.in_container = std::filesystem::exists("/.dockerenv", ignored) ||
                       std::filesystem::exists("/run/.containerenv", ignored);
  return input;
}

Result<Config> Config::load(ConfigInput input) {
  Gathered gathered;
  auto file = input.file;
  if (const auto named = input.environment.find("INDABA_CONFIG");
      !file && named != input.environment.end() && !named->second.empty())
    file = named->second;
  std::error_code ignored;
  if (!file && std::filesystem::exists("indaba.toml", ignored)) file = "indaba.toml";
  if (file) gather_file(*file, gathered);
  gather_environment(input.environment, gathered);
  for (const auto& [key, text] : input.flags) {
    const auto* setting = find_setting(key);
    check(setting != nullptr, "a flag must name a setting of the table");
    gathered.values.insert_or_assign(key, Value{text, Source::flag, std::string(setting->flag)});
  }
  for (const auto& setting : settings())
    gathered.values.try_emplace(std::string(setting.key),
                                Value{std::string(setting.fallback), Source::fallback, ""});

  check_values(gathered.values, gathered.problems);
  Config config;
  config.values_ = std::move(gathered.values);
  config.schedule_ = std::move(gathered.schedule);
  if (gathered.problems.empty()) check_together(config, input, gathered.problems);
  if (!gathered.problems.empty()) {
    Error error(ErrorKind::invalid, "configuration", gathered.problems.front().message);
    error.fields = std::move(gathered.problems);
    return error;
  }
  config.input_ = std::move(input);
  return config;
}

const Value& Config::value(std::string_view key) const {
  const auto found = values_.find(key);
  check(found != values_.end(), "a setting must stand in the table before it is asked for");
  return found->second;
}

bool Config::boolean(std::string_view key) const {
  return parse_boolean(text(key)).value_or(false);
}

std::int64_t Config::integer(std::string_view key) const {
  return parse_bytes(text(key)).value_or(0);
}

Millis Config::duration(std::string_view key) const {
  return parse_duration(text(key)).value_or(Millis(0));
}

std::vector<std::string> Config::list(std::string_view key) const {
  return parse_list(text(key));
}

std::optional<ListenAddress> Config::address(std::string_view key) const {
  return is_set(key) ? parse_address(text(key)) : std::nullopt;
}

}  // namespace indaba::app
