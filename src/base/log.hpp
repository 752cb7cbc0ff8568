// Logger: one line an entry on standard error, as JSON for machines or as text for a terminal.
//
// Injected by reference, never global. Safe on any thread; writes synchronously, so nothing that
// happens once a message may be logged above `debug`. An entry is always one line of valid UTF-8,
// whatever its fields hold. Never put a message body, a token, a password, a query string or a push
// endpoint into one.
#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace spdlog::sinks {
class sink;
}

namespace indaba {

enum class LogLevel : std::uint8_t { debug, info, warn, error, off };
enum class LogFormat : std::uint8_t { json, text };
[[nodiscard]] std::string_view to_string(LogLevel level) noexcept;
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view name) noexcept;
[[nodiscard]] std::optional<LogFormat> parse_log_format(std::string_view name) noexcept;

// One named value of an entry. It points at texts, and lives as long as the call that logs it.
struct LogField {
  // monostate: not there, as an id of nobody.
  using Value = std::variant<std::string_view, std::int64_t, double, bool, std::monostate>;

  std::string_view name;
  Value value;

  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, std::same_as<bool> auto v) : name(n), value(v) {}
  LogField(std::string_view n, std::floating_point auto v) : name(n), value(double{v}) {}
  template <std::integral N>
    requires(!std::same_as<N, bool>)
  LogField(std::string_view n, N v) : name(n), value(static_cast<std::int64_t>(v)) {}
  template <class Tag>
  LogField(std::string_view n, Id<Tag> v) : name(n) {
    if (v)
      value = v.value;
    else
      value = std::monostate{};
  }
  LogField(std::string_view n, Seq v) : name(n), value(v.value) {}
  LogField(std::string_view n, std::chrono::milliseconds v)
      : name(n), value(std::int64_t{v.count()}) {}
};
// A text that says nothing where it is empty.
[[nodiscard]] inline LogField log_unless_empty(std::string_view name, std::string_view text) {
  LogField field(name, text);
  if (text.empty()) field.value = std::monostate{};
  return field;
}
using LogFields = std::initializer_list<LogField>;

class Logger {
 public:
  // To standard error. `clock` outlives the logger.
  Logger(const Clock& clock, LogLevel level, LogFormat format);
  // To another place (tests, a file). One that is safe on many threads, where the logger is used on
  // many.
  Logger(const Clock& clock, LogLevel level, LogFormat format,
         std::shared_ptr<spdlog::sinks::sink> sink);
  // Writes nothing.
  [[nodiscard]] static Logger null();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;
  ~Logger();

  // `part` is who speaks ("net", "gateway"); `message` is one sentence that stays the same, so that
  // entries can be counted by it.
  void debug(std::string_view part, std::string_view message, LogFields fields = {}) {
    log(LogLevel::debug, part, message, fields);
  }
  void info(std::string_view part, std::string_view message, LogFields fields = {}) {
    log(LogLevel::info, part, message, fields);
  }
  void warn(std::string_view part, std::string_view message, LogFields fields = {}) {
    log(LogLevel::warn, part, message, fields);
  }
  void error(std::string_view part, std::string_view message, LogFields fields = {}) {
    log(LogLevel::error, part, message, fields);
  }

  void log(LogLevel level, std::string_view part, std::string_view message, LogFields fields) {
    if (enabled(level)) write(level, part, message, fields);
  }
  [[nodiscard]] bool enabled(LogLevel level) const noexcept {
    return level >= level_.load(std::memory_order_relaxed) && level != LogLevel::off;
  }
  [[nodiscard]] LogLevel level() const noexcept { return level_.load(std::memory_order_relaxed); }
  // Entries that could not be written.
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);
  }
  void set_level(LogLevel level) noexcept { level_.store(level, std::memory_order_relaxed); }

 private:
  Logger();
  void write(LogLevel level, std::string_view part, std::string_view message, LogFields fields);

  const Clock* clock_ = nullptr;
  std::atomic<LogLevel> level_{LogLevel::off};
  std::atomic<std::uint64_t> lost_{0};
  LogFormat format_ = LogFormat::json;
  std::shared_ptr<spdlog::sinks::sink> sink_;
};

}  // namespace indaba
