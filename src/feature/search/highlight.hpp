// Highlights: the parts of a found text in which it was found, as HTML that holds nothing of the
// text but characters.
//
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace indaba::search {

// What stands before and behind each match in a marked text. Of random bytes, so that no text can
// hold them by design.
struct Marks {
  std::string open;
  std::string close;
};

// Up to three parts, in the order of the text: escaped first, then marked with <mark>. A part that
// does not begin or end where the text does has an ellipsis there. None where nothing is marked.
[[nodiscard]] std::vector<std::string> highlights_of(std::string_view marked, const Marks& marks);

}  // namespace indaba::search
