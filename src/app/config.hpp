// Config: every setting's value and where it came from.
//
// Flags over environment over indaba.toml over defaults. A plain, immutable value; reload() makes
// another one from the same flags and environment and the file as it is now. Nothing is read after
// load(), and every value has passed its type's parser, so the accessors cannot fail: asking for a
// key that the table does not have, or by another type, is a broken invariant. Errors name the
// setting, say where the value stands and what it should be; `fields` has all of them, `detail` the
// first.
#pragma once

#include "app/config_values.hpp"
#include "app/settings.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

#include <boost/json/object.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::app {

using Environment = std::map<std::string, std::string, std::less<>>;

struct ConfigInput {
  std::optional<std::filesystem::path>
      file;  // named by --config or INDABA_CONFIG: must exist; else ./indaba.toml if it is there
  Environment environment;
  std::map<std::string, std::string, std::less<>> flags;  // key -> value
  bool in_container = false;

  // The process's own environment.
  [[nodiscard]] static ConfigInput from_process(char** environment);
};

enum class Source : std::uint8_t { fallback, file, environment, flag };

struct Value {
  std::string text;
  Source source = Source::fallback;
  std::string where;  // "indaba.toml", "DATABASE_URL", "--listen"; empty for a default
};

// [jobs.schedule.NAME] of the file, as it is written there (schedule_config.hpp). Empty: not set.
struct ScheduleSetting {
  std::string name;
  std::string task;
  std::string every;
  std::string crontab;
  std::string zone;
  std::string queue;
  std::string priority;
  std::string expires;
  boost::json::object arguments{};

  [[nodiscard]] std::string* text(std::string_view key);  // nullptr: it has none of this name
};

class Config {
 public:
  [[nodiscard]] static Result<Config> load(ConfigInput input);
  [[nodiscard]] Result<Config> reload() const { return load(input_); }

  [[nodiscard]] const Value& value(std::string_view key) const;
  [[nodiscard]] bool is_set(std::string_view key) const { return !value(key).text.empty(); }
  [[nodiscard]] const std::string& text(std::string_view key) const { return value(key).text; }
  [[nodiscard]] bool boolean(std::string_view key) const;
  [[nodiscard]] std::int64_t integer(std::string_view key) const;  // sizes too
  [[nodiscard]] Millis duration(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view key) const;
  [[nodiscard]] std::optional<ListenAddress> address(std::string_view key) const;
  [[nodiscard]] const std::vector<ScheduleSetting>& schedule() const noexcept { return schedule_; }

 private:
  Config() = default;
  ConfigInput input_;
  std::map<std::string, Value, std::less<>> values_;
  std::vector<ScheduleSetting> schedule_;
};

}  // namespace indaba::app
