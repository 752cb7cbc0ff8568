#include "api/call.hpp"

#include "base/text.hpp"

namespace indaba::api {

std::string_view PathParams::text(std::string_view name) const noexcept {
  for (const auto& [key, value] : values_)
    if (key == name) return value;
  return {};
}

std::optional<std::int64_t> PathParams::number(std::string_view name) const noexcept {
  const auto number = text::parse_int64(text(name));
  if (!number || *number <= 0 || *number > kMaxSeq.value) return std::nullopt;
  return number;
}

}  // namespace indaba::api
