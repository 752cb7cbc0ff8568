// Mentions: the people that a message's text names with "@anna", and the whole room with "@room".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace indaba::chat {

struct Mentions {
  static constexpr std::size_t kMost = 50;
  std::vector<std::string> names;  // in lower case, each once, the first kMost; whoever they are
  bool room = false;
};

// An "@" behind a letter or digit is part of an address, and no mention. What may end a sentence
// ("." and the like) is not part of a name at its end.
[[nodiscard]] Mentions find_mentions(std::string_view body);

}  // namespace indaba::chat
