// Finding a member in a frame without reading all of it: at a million frames a second, parsing JSON
// would measure the client.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace indaba::loadtool {

inline std::int64_t number_after(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  std::int64_t value = 0;
  if (at != std::string_view::npos)
    std::from_chars(text.data() + at + mark.size(), text.data() + text.size(), value);
  return value;
}

// Up to the next quote.
inline std::string_view text_after(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  if (at == std::string_view::npos) return {};
  const auto rest = text.substr(at + mark.size());
  return rest.substr(0, rest.find('"'));
}

}  // namespace indaba::loadtool
