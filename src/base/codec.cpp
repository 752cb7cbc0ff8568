#include "base/codec.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <cmath>

namespace indaba::json::detail {
namespace {

// JSON has one kind of number: 5.0 is the integer 5 (JSON Schema says so too).
std::optional<std::int64_t> as_integer(const boost::json::value& v) {
  if (v.is_int64()) return v.get_int64();
  if (!v.is_double()) return std::nullopt;
  const double n = v.get_double();
  if (std::trunc(n) != n || std::fabs(n) > static_cast<double>(kMaxSafeInteger))
    return std::nullopt;
  return static_cast<std::int64_t>(n);
}

std::optional<std::string_view> as_text(const boost::json::value& v, Problems& problems) {
  if (!v.is_string()) {
    problems.invalid("must be a string.");
    return std::nullopt;
  }
  const auto& s = v.get_string();
  return std::string_view(s.data(), s.size());
}

}  // namespace

std::optional<std::int64_t> read_int(const boost::json::value& v, std::int64_t min,
                                     std::int64_t max, Problems& problems) {
  if (!v.is_number()) {
    problems.invalid("must be an integer.");
    return std::nullopt;
  }
  const auto n = as_integer(v);
  if (n && *n >= min && *n <= max) return n;
  if (!n && v.is_double()) {
    problems.invalid("must be an integer.");
  } else {
    problems.invalid(fmt::format("must be from {} to {}.", min, max));
  }
  return std::nullopt;
}

std::optional<std::string_view> read_text(const boost::json::value& v, std::size_t min,
                                          std::size_t max, Problems& problems) {
  const auto s = as_text(v, problems);
  if (!s) return std::nullopt;
  if (s->find('\0') != std::string_view::npos) {
    problems.invalid("must not contain the character U+0000.");
    return std::nullopt;
  }
  const std::size_t length = text::count_code_points(*s);
  if (length > max) {
    problems.add("too_long", fmt::format("must not be longer than {} characters.", max));
    return std::nullopt;
  }
  if (length < min) {
    problems.invalid(min == 1 ? std::string("must not be empty.")
                              : fmt::format("must be at least {} characters long.", min));
    return std::nullopt;
  }
  return s;
}

std::optional<double> read_double(const boost::json::value& v, Problems& problems) {
  if (v.is_number()) return v.to_number<double>();
  problems.invalid("must be a number.");
  return std::nullopt;
}

std::optional<bool> read_bool(const boost::json::value& v, Problems& problems) {
  if (v.is_bool()) return v.get_bool();
  problems.invalid("must be true or false.");
  return std::nullopt;
}

std::optional<WallTime> read_time(const boost::json::value& v, Problems& problems) {
  const auto s = as_text(v, problems);
  if (!s) return std::nullopt;
  const auto time = parse_rfc3339(*s);
  if (!time) problems.invalid("must be a time as in RFC 3339, \"2026-01-12T09:30:00Z\".");
  return time;
}

std::optional<std::string> read_slug(const boost::json::value& v, Problems& problems) {
  const auto s = as_text(v, problems);
  if (!s) return std::nullopt;
  if (text::is_slug(*s)) return std::string(*s);
  problems.invalid(
      "must be 1 to 64 of a-z, 0-9, \"-\" and \"_\", with a letter or digit at both ends.");
  return std::nullopt;
}

boost::json::object int_schema(std::int64_t min, std::int64_t max) {
  return {{"type", "integer"}, {"minimum", min}, {"maximum", max}};
}

boost::json::object text_schema(std::size_t min, std::size_t max) {
  boost::json::object schema{{"type", "string"}};
  if (min > 0) schema["minLength"] = min;
  schema["maxLength"] = max;
  return schema;
}

boost::json::object simple_schema(std::string_view type, std::string_view format) {
  boost::json::object schema{{"type", type}};
  if (!format.empty()) schema["format"] = format;
  return schema;
}

boost::json::object slug_schema() {
  return {{"type", "string"}, {"pattern", "^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$"}};
}

boost::json::object nullable(boost::json::object schema) {
  const auto type = schema.find("type");
  if (type == schema.end() || !type->value().is_string()) return schema;  // says null already
  type->value() = boost::json::array{type->value(), "null"};
  if (auto* names = schema.if_contains("enum")) names->as_array().emplace_back(nullptr);
  return schema;
}

}  // namespace indaba::json::detail
