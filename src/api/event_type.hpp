// EventType: the type of an event that a team publishes itself: 1 to 64 of a-z, 0-9, "_", "." and
// "-", and none of the socket's frame types, which a client must be able to tell from events.
#pragma once

#include "base/codec.hpp"

#include <string>
#include <string_view>

namespace indaba::api {

class EventType {
 public:
  EventType() = default;
  explicit EventType(std::string name) : name_(std::move(name)) {}
  // nullptr where the name is right, else what is wrong with it.
  [[nodiscard]] static const char* problem_with(std::string_view name) noexcept;

  [[nodiscard]] const std::string& str() const noexcept { return name_; }

 private:
  std::string name_;
};

// The members that every event has; a payload that stands beside them must leave their names alone.
[[nodiscard]] bool is_reserved_member(std::string_view name) noexcept;

}  // namespace indaba::api

template <>
struct indaba::json::Codec<indaba::api::EventType> : CodecTraits<Query::text> {
  static void read(const boost::json::value& v, api::EventType& out, Problems& problems) {
    const auto text = detail::read_text(v, 1, 64, problems);
    if (!text) return;
    if (const char* problem = api::EventType::problem_with(*text)) return problems.invalid(problem);
    out = api::EventType(std::string(*text));
  }
  static void write(std::string& out, const api::EventType& v) { append_string(out, v.str()); }
  static boost::json::object schema(Use) {
    return {{"type", "string"}, {"pattern", "^[a-z0-9_.-]{1,64}$"}};
  }
};
