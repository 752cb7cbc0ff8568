// JSON out: appended to a string, without a tree between.
//
// Whatever bytes a text holds, the output is valid UTF-8 JSON on one line that is safe inside
// JavaScript too: control characters, U+2028 and U+2029 are escaped, and what is not UTF-8 becomes
// U+FFFD.
#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"

#include <boost/json/value.hpp>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace indaba::json {

// Compact JSON text that is already written: any value, or an object. Valid by whoever made it;
// read() makes only valid ones.
struct Raw {
  std::string text = "null";
  friend bool operator==(const Raw&, const Raw&) = default;
};
struct Object {
  std::string text = "{}";
  friend bool operator==(const Object&, const Object&) = default;
};

void append_string(std::string& out, std::string_view text);  // with its quotes
void append_int(std::string& out, std::int64_t n);
// What JSON has no word for (NaN, infinity) is null.
void append_double(std::string& out, double n);
void append_value(std::string& out, const boost::json::value& value);
void append_time(std::string& out, WallTime t);
[[nodiscard]] std::string to_text(const boost::json::value& value);

inline void append(std::string& out, std::string_view text) {
  append_string(out, text);
}
inline void append(std::string& out, const char* text) {
  append_string(out, text);
}
inline void append(std::string& out, const std::string& text) {
  append_string(out, text);
}
inline void append(std::string& out, std::same_as<bool> auto b) {
  out += b ? "true" : "false";
}
template <std::integral N>
  requires(!std::same_as<N, bool> && !std::same_as<N, char>)
void append(std::string& out, N n) {
  append_int(out, static_cast<std::int64_t>(n));
}
inline void append(std::string& out, double n) {
  append_double(out, n);
}
inline void append(std::string& out, std::nullptr_t) {
  out += "null";
}
inline void append(std::string& out, WallTime t) {
  append_time(out, t);
}
inline void append(std::string& out, Seq seq) {
  append_int(out, seq.value);
}
template <class Tag>
void append(std::string& out, Id<Tag> id) {
  append_int(out, id.value);
}
inline void append(std::string& out, const Raw& raw) {
  out += raw.text;
}
inline void append(std::string& out, const Object& object) {
  out += object.text;
}
inline void append(std::string& out, std::same_as<boost::json::value> auto const& v) {
  append_value(out, v);
}

// `"name":` with a comma before it unless `out` ends in "{". So an object is `out = "{"`, members,
// `out += '}'`; and members alone, appended to an empty string, are a tail that fits behind other
// members. `name` is a literal that needs no escape.
void append_name(std::string& out, std::string_view name);

void append_member(std::string& out, std::string_view name, const auto& value) {
  append_name(out, name);
  append(out, value);
}

}  // namespace indaba::json
