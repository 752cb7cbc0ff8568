// The text of exports, and its pieces as they are kept.
//
// CSV is RFC 4180: lines end with CRLF, every text is quoted. What a spreadsheet would take for a
// formula gets an apostrophe before it, as OWASP advises ("CSV Injection"): a text that begins with
// = + - @, with the full-width form of one of these, a tab, or an end of line; and such a sign
// behind a semicolon, a tab or an end of line, where a cell of its own begins for programs whose
// separator is not the comma. Pure functions, safe on any thread.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace indaba::exports {

// Quoted, behind a comma unless it begins a line.
void append_csv_text(std::string& out, std::string_view text);
// What is no text, such as a number; not quoted.
void append_csv_plain(std::string& out, std::string_view value);
void end_csv_line(std::string& out);

// Compressed with zlib, as fast as it goes. Internal where zlib has no memory.
[[nodiscard]] Result<std::string> pack(std::string_view text);
// `size` is what it was before. Internal where it is not that.
[[nodiscard]] Result<std::string> unpack(std::string_view packed, std::size_t size);

}  // namespace indaba::exports
