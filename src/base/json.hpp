// JSON from outside into a tree that cannot be ambiguous.
//
// Boost.JSON's parser with a handler of our own: it refuses what Boost lets pass and two readers
// could understand differently (a name that stands twice in an object, a number too large for a
// double), and reads doubles exactly. Pure; safe on any thread.
#pragma once

#include "base/result.hpp"

#include <boost/json/value.hpp>
#include <cstddef>
#include <string>
#include <string_view>

namespace indaba::json {

struct Limits {
  std::size_t depth = 32;  // arrays and objects inside each other
};

// One JSON text, whitespace around it allowed. ErrorKind::malformed with the position where it
// breaks: bad syntax, too deep, a duplicate name, invalid UTF-8, a lone surrogate, a number out of
// range, bytes behind the end.
[[nodiscard]] Result<boost::json::value> parse(std::string_view text, Limits limits = {});

}  // namespace indaba::json
