// Text as bytes from outside: UTF-8, slugs, hex and base64, strict numbers.
//
// Pure functions, safe on any thread. Decoders accept one spelling of each value and nothing else,
// so that two texts that decode alike are alike (tokens and cursors are compared and logged as
// text).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::text {

// Is the whole of it well-formed UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above
// U+10FFFF)?
[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;
// The length of the well-formed UTF-8 sequence at the start of `bytes`, 0 where there is none.
[[nodiscard]] std::size_t utf8_sequence(std::string_view bytes) noexcept;
// Of well-formed UTF-8.
[[nodiscard]] std::size_t count_code_points(std::string_view utf8) noexcept;
// At most `count` code points of it, cut between two of them.
[[nodiscard]] std::string_view first_code_points(std::string_view utf8, std::size_t count) noexcept;

// 1 to 64 of a-z, 0-9, "-" and "_", with a letter or digit at both ends.
[[nodiscard]] bool is_slug(std::string_view s) noexcept;

[[nodiscard]] std::string to_hex(std::string_view bytes);  // lower case
[[nodiscard]] std::optional<std::string> from_hex(std::string_view hex);

// RFC 4648: base64 with padding, base64url without. Decoding refuses whitespace, missing or
// superfluous padding, and bits that are left over and not zero.
[[nodiscard]] std::string to_base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view encoded);
[[nodiscard]] std::string to_base64url(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view encoded);

[[nodiscard]] char lower(char c) noexcept;  // ASCII only, as everything below
[[nodiscard]] std::string to_lower(std::string_view s);
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] std::string_view trim(std::string_view s) noexcept;  // spaces and tabs at both ends
// "a,,b" is three parts; "" is one, empty.
[[nodiscard]] std::vector<std::string_view> split(std::string_view s, char separator);

// Decimal, "-" allowed, no "+", no space, nothing behind it, in range.
[[nodiscard]] std::optional<std::int64_t> parse_int64(std::string_view s) noexcept;
// A finite decimal number with nothing around it.
[[nodiscard]] std::optional<double> parse_double(std::string_view s) noexcept;

}  // namespace indaba::text
