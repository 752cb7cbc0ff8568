#include "base/reflect.hpp"

namespace indaba::json::detail {

void add_unknown(std::string_view name, Problems& problems) {
  const Problems::Step step(problems, name);
  problems.add("unknown_field", "is not known here.");
}

boost::json::value query_value(std::string_view text, Query kind) {
  if (kind == Query::integer) {
    if (const auto n = text::parse_int64(text)) return *n;
  } else if (kind == Query::real) {
    if (const auto n = text::parse_double(text)) return *n;
  } else if (kind == Query::boolean) {
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
  }
  return boost::json::value(text);
}

std::vector<std::string_view> query_values(std::span<const QueryPair> pairs, std::string_view name,
                                           Problems& problems) {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : pairs) {
    if (key != name) continue;
    if (!text::is_utf8(value)) {
      const Problems::Step step(problems, name);
      problems.invalid("must be UTF-8.");
    }
    values.push_back(value);
  }
  return values;
}

}  // namespace indaba::json::detail
