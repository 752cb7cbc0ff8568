#include "base/log.hpp"

#include "base/json_write.hpp"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <utility>

namespace indaba {
namespace {

constexpr std::array<std::string_view, 5> kLevels = {"debug", "info", "warn", "error", "off"};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

void append_value(std::string& out, const LogField::Value& value) {
  std::visit(
      [&out]<class T>(const T& v) {
        if constexpr (!std::same_as<T, std::monostate>) json::append(out, v);
      },
      value);
}

bool is_there(const LogField& field) {
  return !std::holds_alternative<std::monostate>(field.value);
}

std::string json_line(WallTime now, LogLevel level, std::string_view part, std::string_view message,
                      LogFields fields) {
  std::string line = "{";
  json::append_member(line, "timestamp", now);
  json::append_member(line, "level", to_string(level));
  json::append_member(line, "logger", part);
  json::append_member(line, "message", message);
  for (const auto& field : fields) {
    if (!is_there(field)) continue;
    // Names are literals of the program, but a line that does not parse is lost: escape them too.
    line += ',';
    json::append_string(line, field.name);
    line += ':';
    append_value(line, field.value);
  }
  line += '}';
  return line;
}

// For people: bare where that is clear, quoted where a space or a control character would mislead.
void append_text(std::string& out, std::string_view text) {
  const bool bare = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '=';
  });
  if (bare) {
    out += text;
  } else {
    json::append_string(out, text);
  }
}

// A sentence keeps its spaces, and loses what could move a terminal's cursor.
void append_sentence(std::string& out, std::string_view text) {
  std::string quoted;
  json::append_string(quoted, text);
  const std::string_view escaped = quoted;
  out += escaped.substr(1, escaped.size() - 2);
}

std::string text_line(WallTime now, LogLevel level, std::string_view part, std::string_view message,
                      LogFields fields) {
  std::string line = fmt::format("{} {:<5} ", to_rfc3339(now), to_string(level));
  append_text(line, part);
  line += ": ";
  append_sentence(line, message);
  for (const auto& field : fields) {
    if (!is_there(field)) continue;
    line += ' ';
    append_text(line, field.name);
    line += '=';
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      append_text(line, *text);
    } else {
      append_value(line, field.value);
    }
  }
  return line;
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
  return kLevels.at(static_cast<std::size_t>(level));
}

std::optional<LogLevel> parse_log_level(std::string_view name) noexcept {
  if (name == "warning") return LogLevel::warn;
  const auto* const found = std::find(kLevels.begin(), kLevels.end(), name);
  if (found == kLevels.end()) return std::nullopt;
  return static_cast<LogLevel>(found - kLevels.begin());
}

std::optional<LogFormat> parse_log_format(std::string_view name) noexcept {
  if (name == "json") return LogFormat::json;
  if (name == "text") return LogFormat::text;
  return std::nullopt;
}

Logger::Logger() = default;
Logger::~Logger() = default;

Logger::Logger(const Clock& clock, LogLevel level, LogFormat format)
    : Logger(clock, level, format, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {}

Logger::Logger(const Clock& clock, LogLevel level, LogFormat format,
               std::shared_ptr<spdlog::sinks::sink> sink)
    : clock_(&clock), level_(level), format_(format), sink_(std::move(sink)) {
  sink_->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
}

Logger Logger::null() {
  return {};
}

void Logger::write(LogLevel level, std::string_view part, std::string_view message,
                   LogFields fields) {
  if (sink_ == nullptr) return;
  const auto make_line = format_ == LogFormat::json ? json_line : text_line;
  const std::string line = make_line(clock_->wall(), level, part, message, fields);
  try {
    sink_->log(spdlog::details::log_msg({}, to_spdlog(level), line));
    sink_->flush();
  } catch (const spdlog::spdlog_ex&) {
    // The disk is full or the pipe is gone. No request may fail for it, so it is only counted.
    lost_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace indaba
