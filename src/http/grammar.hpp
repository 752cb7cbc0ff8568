// The few rules of HTTP's grammar (RFC 9110, section 5.6) that several parsers share.
#pragma once

#include "base/text.hpp"

#include <algorithm>
#include <string_view>

namespace indaba::http {

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

[[nodiscard]] constexpr bool is_token_char(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

[[nodiscard]] constexpr bool is_token(std::string_view s) noexcept {
  return !s.empty() && std::all_of(s.begin(), s.end(), is_token_char);
}

// Cuts the first element off a comma-separated list and returns it trimmed; it may be empty.
[[nodiscard]] inline std::string_view next_list_element(std::string_view& rest) noexcept {
  const std::size_t comma = rest.find(',');
  const std::string_view element = text::trim(rest.substr(0, comma));
  rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  return element;
}

}  // namespace indaba::http
