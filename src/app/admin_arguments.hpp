// What an operator's command was called with, read from its JSON object. Pure; any thread.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace indaba::app {

// "" where there is no such text.
[[nodiscard]] inline std::string text_of(const boost::json::object& arguments,
                                         std::string_view name) {
  const auto* found = arguments.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
}

[[nodiscard]] inline bool flag_of(const boost::json::object& arguments, std::string_view name) {
  const auto* found = arguments.if_contains(name);
  return found != nullptr && found->is_bool() && found->as_bool();
}

[[nodiscard]] inline std::int64_t number_of(const boost::json::object& arguments,
                                            std::string_view name, std::int64_t otherwise = 0) {
  const auto* found = arguments.if_contains(name);
  return found != nullptr && found->is_int64() ? found->as_int64() : otherwise;
}

}  // namespace indaba::app
