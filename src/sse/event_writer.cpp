#include "sse/event_writer.hpp"

namespace indaba::sse {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

void append_without_line_ends(std::string& out, std::string_view value) {
  for (const char c : value)
    if (c != '\r' && c != '\n' && c != '\0') out += c;
}

// "\r\n", "\r" and "\n" each end a line. NUL is replaced.
void append_lines(std::string& out, std::string_view prefix, std::string_view value) {
  out += prefix;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\r' && i + 1 < value.size() && value[i + 1] == '\n') continue;
    if (c == '\r' || c == '\n') {
      out += '\n';
      out += prefix;
    } else if (c == '\0') {
      out += kReplacement;
    } else {
      out += c;
    }
  }
  out += '\n';
}

}  // namespace

void append_event(std::string& out, std::string_view name, std::string_view id,
                  std::string_view data) {
  if (!name.empty()) {
    out += "event: ";
    append_without_line_ends(out, name);
    out += '\n';
  }
  if (!id.empty()) {
    out += "id: ";
    append_without_line_ends(out, id);
    out += '\n';
  }
  append_lines(out, "data: ", data);
  out += '\n';
}

void append_comment(std::string& out, std::string_view text) {
  append_lines(out, ": ", text);
  out += '\n';
}

void append_retry(std::string& out, std::chrono::milliseconds delay) {
  out += "retry: " + std::to_string(delay.count() < 0 ? 0 : delay.count()) + "\n\n";
}

}  // namespace indaba::sse
