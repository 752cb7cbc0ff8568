// Text inside HTML: of an element or of a quoted attribute.
#pragma once

#include <string>
#include <string_view>

namespace indaba::html {

// Appends `text` so that a browser shows it as it is: & < > " ' cannot mean anything.
void append_escaped(std::string& out, std::string_view text);
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace indaba::html
