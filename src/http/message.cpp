#include "http/message.hpp"

#include "http/grammar.hpp"

#include <algorithm>
#include <array>

namespace indaba::http {
namespace {

struct MethodName {
  Method method;
  std::string_view name;
};
constexpr std::array<MethodName, 7> kMethodNames{{
    {Method::get, "GET"},
    {Method::head, "HEAD"},
    {Method::post, "POST"},
    {Method::put, "PUT"},
    {Method::patch, "PATCH"},
    {Method::delete_, "DELETE"},
    {Method::options, "OPTIONS"},
}};

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Databases and JSON want UTF-8, and one of them refuses NUL.
bool is_clean_text(std::string_view s) noexcept {
  return s.find('\0') == std::string_view::npos && text::is_utf8(s);
}

}  // namespace

std::string_view to_string(Method method) noexcept {
  for (const auto& entry : kMethodNames)
    if (entry.method == method) return entry.name;
  return "GET";
}

std::optional<Method> parse_method(std::string_view token) noexcept {
  for (const auto& entry : kMethodNames)
    if (entry.name == token) return entry.method;
  return std::nullopt;
}

void Headers::add(std::string_view name, std::string_view value) {
  fields_.emplace_back(text::to_lower(name), value);
}

void Headers::set(std::string_view name, std::string_view value) {
  const std::string lower = text::to_lower(name);
  const auto first = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const auto& field) { return field.first == lower; });
  if (first == fields_.end()) {
    fields_.emplace_back(lower, value);
    return;
  }
  first->second = value;
  fields_.erase(std::remove_if(first + 1, fields_.end(),
                               [&](const auto& field) { return field.first == lower; }),
                fields_.end());
}

std::optional<std::string_view> Headers::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : fields_)
    if (key == name) return std::string_view(value);
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::count_if(
      fields_.begin(), fields_.end(), [&](const auto& field) { return field.first == name; }));
}

bool Headers::has_token(std::string_view name, std::string_view token) const noexcept {
  for (const auto& [key, value] : fields_) {
    if (key != name) continue;
    for (std::string_view rest = value; !rest.empty();)
      if (text::equal_ignoring_case(next_list_element(rest), token)) return true;
  }
  return false;
}

std::optional<QueryPairs> parse_query(std::string_view query) {
  QueryPairs pairs;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::optional<std::string>("")
                                                  : percent_decode(pair.substr(equals + 1), true);
    if (!name || !value || !is_clean_text(*name) || !is_clean_text(*value)) return std::nullopt;
    pairs.emplace_back(std::move(*name), std::move(*value));
  }
  return pairs;
}

std::optional<std::string> percent_decode(std::string_view encoded, bool plus_is_space) {
  std::string out;
  out.reserve(encoded.size());
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (encoded[i] != '%') {
      out += encoded[i];
    } else {
      if (i + 2 >= encoded.size()) return std::nullopt;
      const int high = hex_digit(encoded[i + 1]);
      const int low = hex_digit(encoded[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

}  // namespace indaba::http
