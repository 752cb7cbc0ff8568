// What the search's route takes and answers.
#pragma once

#include "feature/chat/chat.hpp"

namespace indaba::search {

using FilterText = json::Text<1, 200>;

// The parameters beside `q` say the same as its operators; each may be said once.
struct SearchMessages {
  std::optional<json::Text<0, 200>> q;
  std::optional<FilterText> room;
  std::optional<FilterText> from;
  std::optional<FilterText> before;
  std::optional<FilterText> after;
  json::Int<1, 200> limit{50};
  std::optional<json::Text<1, 200>> cursor;
  static constexpr std::array kDefaulted{std::string_view("limit")};
};
BOOST_DESCRIBE_STRUCT(SearchMessages, (), (q, room, from, before, after, limit, cursor))

struct RoomOfHit {
  chat::RoomId id;
  std::string slug;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(RoomOfHit, (), (id, slug, name))

struct HitView : chat::MessageView {
  RoomOfHit room;
  std::vector<std::string> highlights;  // HTML: escaped text, and <mark>
};
BOOST_DESCRIBE_STRUCT(HitView, (chat::MessageView), (room, highlights))

struct ResultList {
  std::vector<HitView> results;            // newest first
  std::optional<std::string> next_cursor;  // there may be more, however few these are
};
BOOST_DESCRIBE_STRUCT(ResultList, (), (results, next_cursor))

}  // namespace indaba::search
