// MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) to JSON and back, as
// Django's channel layers use it.
//
// Decoding takes bytes from outside: depth and the number of values are bounded, a length is
// believed only as far as there are bytes, and what JSON has no word for is an error (extension
// types, maps whose keys are no text, invalid UTF-8) or becomes the nearest (bytes: base64; NaN and
// infinity: null). Pure; safe on any thread; never throws.
#pragma once

#include "base/result.hpp"

#include <boost/json/value.hpp>
#include <cstddef>
#include <string>
#include <string_view>

namespace indaba::msgpack {

struct Limits {
  std::size_t depth = 32;       // arrays and maps inside each other
  std::size_t values = 65'536;  // in all
};

// One value, and nothing behind it. ErrorKind::malformed.
[[nodiscard]] Result<boost::json::value> decode(std::string_view bytes, Limits limits = {});

// As packb(…, use_bin_type=True) writes it. `value` is no deeper than what json::parse() lets pass.
[[nodiscard]] std::string encode(const boost::json::value& value);

}  // namespace indaba::msgpack
