#include "base/json_write.hpp"

#include "base/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>

namespace indaba::json {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_plain(char c) {
  return c >= 0x20 && c != '"' && c != '\\' && c != 0x7F;
}

void append_ascii_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
  }
}

// One sequence that is not plain ASCII; returns its length in `text`.
std::size_t append_special(std::string& out, std::string_view text) {
  const std::size_t length = text::utf8_sequence(text);
  const std::string_view sequence = text.substr(0, length);
  if (length == 0) {
    out += kReplacement;
    return 1;
  }
  if (length == 1) {
    append_ascii_escape(out, sequence.front());
  } else if (sequence == "\xE2\x80\xA8") {
    out += "\\u2028";
  } else if (sequence == "\xE2\x80\xA9") {
    out += "\\u2029";
  } else {
    out += sequence;
  }
  return length;
}

template <class N>
void append_chars(std::string& out, N n) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), n).ptr;
  out.append(buffer.data(), end);
}

void append_array(std::string& out, const boost::json::array& array) {
  out += '[';
  bool first = true;
  for (const auto& element : array) {
    if (!std::exchange(first, false)) out += ',';
    append_value(out, element);
  }
  out += ']';
}

void append_object(std::string& out, const boost::json::object& object) {
  out += '{';
  bool first = true;
  for (const auto& member : object) {
    if (!std::exchange(first, false)) out += ',';
    append_string(out, member.key());
    out += ':';
    append_value(out, member.value());
  }
  out += '}';
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (!text.empty()) text.remove_prefix(append_special(out, text));
  }
  out += '"';
}

void append_int(std::string& out, std::int64_t n) {
  append_chars(out, n);
}

void append_double(std::string& out, double n) {
  if (!std::isfinite(n)) {
    out += "null";
    return;
  }
  const std::size_t start = out.size();
  append_chars(out, n);
  // "1" would come back as an integer.
  if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
}

void append_time(std::string& out, WallTime t) {
  out += '"';
  out += to_rfc3339(t);
  out += '"';
}

void append_name(std::string& out, std::string_view name) {
  if (!out.ends_with('{')) out += ',';
  out += '"';
  out += name;
  out += "\":";
}

void append_value(std::string& out, const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      out += "null";
      return;
    case boost::json::kind::bool_:
      append(out, value.get_bool());
      return;
    case boost::json::kind::int64:
      append_chars(out, value.get_int64());
      return;
    case boost::json::kind::uint64:
      append_chars(out, value.get_uint64());
      return;
    case boost::json::kind::double_:
      append_double(out, value.get_double());
      return;
    case boost::json::kind::string:
      append_string(out, value.get_string());
      return;
    case boost::json::kind::array:
      append_array(out, value.get_array());
      return;
    case boost::json::kind::object:
      append_object(out, value.get_object());
      return;
  }
}

std::string to_text(const boost::json::value& value) {
  std::string out;
  append_value(out, value);
  return out;
}

}  // namespace indaba::json
