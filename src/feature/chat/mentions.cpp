#include "feature/chat/mentions.hpp"

#include "auth/users.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace indaba::chat {

namespace {

constexpr std::string_view kRoom = "room";
constexpr std::string_view kNameChars =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-@+";
constexpr std::string_view kNotAtTheEnd = ".-@+";

bool is_part_of_a_word(char c) {
  // Bytes above 127 belong to letters of other alphabets.
  return static_cast<unsigned char>(c) >= 0x80U || kNameChars.contains(c);
}

}  // namespace

Mentions find_mentions(std::string_view body) {
  Mentions found;
  for (auto at = body.find('@'); at != std::string_view::npos; at = body.find('@', at + 1)) {
    if (at > 0 && is_part_of_a_word(body[at - 1])) continue;
    auto name = body.substr(at + 1);
    name = name.substr(0, name.find_first_not_of(kNameChars));
    name = name.substr(0, name.find_last_not_of(kNotAtTheEnd) + 1);
    if (!auth::is_username(name)) continue;
    auto key = text::to_lower(name);
    if (key == kRoom)
      found.room = true;
    else if (found.names.size() < Mentions::kMost &&
             std::ranges::find(found.names, key) == found.names.end())
      found.names.push_back(std::move(key));
  }
  return found;
}

}  // namespace indaba::chat
