#include "app/config_sources.hpp"

#include "app/schedule_config.hpp"
#include "app/settings.hpp"
#include "base/text.hpp"

#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <toml++/toml.h>

namespace indaba::app {

namespace {

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  for (const auto& setting : settings()) keys.emplace_back(setting.key);
  return keys;
}

std::string did_you_mean(std::string_view wrong, std::span<const std::string> known) {
  const auto guess = nearest(wrong, known);
  return guess ? fmt::format("; did you mean {}?", *guess)
               : std::string("; `indaba config env` lists them all");
}

// A TOML value as one would write it in the environment.
std::optional<std::string> as_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* list = node.as_array()) {
    std::string joined;
    for (const auto& item : *list) {
      const auto text = as_text(item);
      if (!text || item.is_array()) return std::nullopt;
      joined += (joined.empty() ? "" : ",") + *text;
    }
    return joined;
  }
  return std::nullopt;
}

void flatten(const toml::table& table, const std::string& prefix, const std::string& file,
             Gathered& into) {
  for (const auto& [name, node] : table) {
    const auto key = prefix + std::string(name.str());
    if (const auto* inner = node.as_table(); inner != nullptr) {
      if (key == "jobs.schedule") {
        read_schedule(*inner, file, into.schedule, into.problems);
        continue;
      }
      flatten(*inner, key + ".", file, into);
      continue;
    }
    const auto line = node.source().begin.line;
    if (find_setting(key) == nullptr) {
      const auto known = known_keys();
      into.problems.push_back({key, "unknown_field",
                               fmt::format("{} line {}: there is no setting {}{}", file, line, key,
                                           did_you_mean(key, known))});
    } else if (auto text = as_text(node)) {
      into.values.insert_or_assign(key, Value{*std::move(text), Source::file, file});
    } else {
      into.problems.push_back(
          {key, "invalid_field",
           fmt::format("{} line {}: {} must be text, a number, true or false, or a list of these",
                       file, line, key)});
    }
  }
}

// The content of a secret's file, without the line break at its end.
std::optional<std::string> read_secret(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string content(std::istreambuf_iterator<char>(in), {});
  while (content.ends_with('\n') || content.ends_with('\r')) content.pop_back();
  return content;
}

const std::string* find(const Environment& environment, std::string_view name) {
  const auto found = environment.find(name);
  return found == environment.end() || found->second.empty() ? nullptr : &found->second;
}

// INDABA_SECTION_KEY, INDABA_SECTION_KEY_FILE, then the names that teams already have, each with
// _FILE too where it is a secret.
std::optional<Value> from_environment(const Setting& setting, const Environment& environment,
                                      Gathered& into) {
  std::vector<std::string> names{environment_name(setting)};
  for (const auto name : text::split(setting.also, ' '))
    if (!name.empty()) names.emplace_back(name);
  for (const auto& name : names) {
    if (const auto* text = find(environment, name)) return Value{*text, Source::environment, name};
    if (!setting.secret) continue;
    const auto file_name = name + "_FILE";
    if (const auto* path = find(environment, file_name)) {
      if (auto secret = read_secret(*path))
        return Value{*std::move(secret), Source::environment, file_name};
      into.problems.push_back({std::string(setting.key), "invalid_field",
                               fmt::format("{}: the file {} cannot be read", file_name, *path)});
    }
  }
  return std::nullopt;
}

// Names whose value says the same in other words than the setting's own.
void gather_synonyms(const Environment& environment, Gathered& into) {
  if (!into.values.contains("log.level") || into.values["log.level"].source == Source::file) {
    for (const auto* name : {"DJANGO_DEBUG", "DEBUG"}) {
      const auto* text = find(environment, name);
      if (text != nullptr && parse_boolean(*text).value_or(false))
        into.values.insert_or_assign("log.level", Value{"debug", Source::environment, name});
    }
  }
  const auto* host = find(environment, "REALTIME_HOST");
  const auto* port = find(environment, "REALTIME_PORT");
  if ((host != nullptr || port != nullptr) &&
      find(environment, "INDABA_SERVER_LISTEN") == nullptr) {
    const std::string name = host != nullptr ? *host : "127.0.0.1";
    const bool bare_v6 = name.find(':') != std::string::npos && !name.starts_with('[');
    into.values.insert_or_assign(
        "server.listen",
        Value{fmt::format("{}:{}", bare_v6 ? "[" + name + "]" : name,
                          port != nullptr ? *port : "8080"),
              Source::environment, host != nullptr ? "REALTIME_HOST" : "REALTIME_PORT"});
  }
}

// INDABA_ names that are no settings: where the file is, what the demo's password shall be, and
// what tests tell each other.
bool is_no_setting(std::string_view name) {
  return name == "INDABA_CONFIG" || name == "INDABA_DEMO_PASSWORD" || name == "INDABA_BINARY" ||
         name.starts_with("INDABA_TEST_");
}

void refuse_unknown_names(const Environment& environment, Gathered& into) {
  std::vector<std::string> known;
  for (const auto& setting : settings()) {
    known.push_back(environment_name(setting));
    if (setting.secret) known.push_back(known.back() + "_FILE");
  }
  for (const auto& [name, ignored] : environment) {
    if (!name.starts_with("INDABA_") || is_no_setting(name) ||
        std::ranges::find(known, name) != known.end())
      continue;
    into.problems.push_back(
        {name, "unknown_field",
         fmt::format("the environment's {} is no setting{}", name, did_you_mean(name, known))});
  }
}

}  // namespace

void gather_file(const std::filesystem::path& file, Gathered& into) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream content;
  const bool empty = in.peek() == std::ifstream::traits_type::eof() && in.eof() && !in.bad();
  if (!empty && (!in || !(content << in.rdbuf()))) {
    into.problems.push_back(
        {"--config", "invalid_field",
         fmt::format("the configuration file {} cannot be read", file.string())});
    return;
  }
  try {
    flatten(toml::parse(content.str(), file.string()), "", file.filename().string(), into);
  } catch (const toml::parse_error& error) {
    into.problems.push_back({file.string(), "malformed",
                             fmt::format("{} line {}: {}", file.string(), error.source().begin.line,
                                         error.description())});
  }
}

void gather_environment(const Environment& environment, Gathered& into) {
  for (const auto& setting : settings())
    if (auto value = from_environment(setting, environment, into))
      into.values.insert_or_assign(std::string(setting.key), *std::move(value));
  gather_synonyms(environment, into);
  refuse_unknown_names(environment, into);
}

}  // namespace indaba::app
