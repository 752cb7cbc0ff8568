#include "job/celery_json.hpp"

#include "base/crypto.hpp"
#include "base/json_write.hpp"
#include "base/text.hpp"
#include "job/celery_message.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace indaba::job::celery {

namespace {

constexpr std::size_t kLongestRepr = 1024;
constexpr int kDeepestRepr = 8;

void append_text(std::string& out, std::string_view text) {
  const bool single =
      text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = single ? '"' : '\'';
  out += quote;
  for (const char c : text) {
    if (out.size() > kLongestRepr) break;
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += quote;
}

void append_repr(std::string& out, const boost::json::value& value, int depth) {
  if (out.size() > kLongestRepr || depth > kDeepestRepr) {
    out += "...";
    return;
  }
  bool first = true;
  const auto comma = [&] {
    if (!std::exchange(first, false)) out += ", ";
  };
  switch (value.kind()) {
    case boost::json::kind::null:
      out += "None";
      return;
    case boost::json::kind::bool_:
      out += value.get_bool() ? "True" : "False";
      return;
    case boost::json::kind::string:
      return append_text(out, value.get_string());
    case boost::json::kind::array:
      out += '[';
      for (const auto& element : value.get_array()) {
        if (out.size() > kLongestRepr) break;
        comma();
        append_repr(out, element, depth + 1);
      }
      out += ']';
      return;
    case boost::json::kind::object:
      out += '{';
      for (const auto& member : value.get_object()) {
        if (out.size() > kLongestRepr) break;
        comma();
        append_text(out, member.key());
        out += ": ";
        append_repr(out, member.value(), depth + 1);
      }
      out += '}';
      return;
    default:
      out += json::to_text(value);
  }
}

std::string cut(std::string repr) {
  if (repr.size() <= kLongestRepr) return repr;
  std::size_t end = kLongestRepr;  // between two code points
  while (end > 0 && (static_cast<unsigned char>(repr[end]) & 0xC0U) == 0x80U) --end;
  repr.resize(end);
  return repr + "...";
}

}  // namespace

std::string_view text_of(const boost::json::value* value) noexcept {
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

std::optional<double> number_of(const boost::json::value* value) noexcept {
  if (value == nullptr) return std::nullopt;
  if (value->is_int64()) return static_cast<double>(value->get_int64());
  if (value->is_uint64()) return static_cast<double>(value->get_uint64());
  if (value->is_double()) return value->get_double();
  return std::nullopt;
}

std::optional<std::int64_t> int_of(const boost::json::value* value) noexcept {
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

bool is_true(const boost::json::value* value) noexcept {
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::string to_python(const boost::json::value& value) {
  std::string out;
  append_repr(out, value, 0);
  return cut(std::move(out));
}

std::string to_python_tuple(const boost::json::array& values) {
  auto out = to_python(values);
  out.front() = '(';
  if (!out.ends_with(']')) return out;
  out.back() = values.size() == 1 ? ',' : ')';
  return values.size() == 1 ? out + ')' : out;
}

std::string new_uuid(Random& random) {
  auto bytes = crypto::random_bytes(random, 16);
  bytes[6] = static_cast<char>((static_cast<unsigned>(bytes[6]) & 0x0FU) | 0x40U);
  bytes[8] = static_cast<char>((static_cast<unsigned>(bytes[8]) & 0x3FU) | 0x80U);
  const auto hex = text::to_hex(bytes);
  const std::string_view h = hex;
  return fmt::format("{}-{}-{}-{}-{}", h.substr(0, 8), h.substr(8, 4), h.substr(12, 4),
                     h.substr(16, 4), h.substr(20));
}

std::string to_naive_iso(WallTime t) {
  auto text = to_rfc3339(t);  // …T09:30:00.123Z
  text.pop_back();
  return text + "000";
}

std::string to_iso(WallTime t) {
  return to_naive_iso(t) + "+00:00";
}

}  // namespace indaba::job::celery
