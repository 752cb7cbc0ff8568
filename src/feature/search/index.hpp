// SearchIndex: where messages are found by their words. It is told of them by the chat, inside the
// transaction of each change (chat::MessageIndex), and asked by the search.
//
// What find() returns is decided by the rows as they are at that moment, never by what the index
// remembers: a message that is deleted, moved out of sight or in a room that its caller was just
// taken out of is not found, however late an index outside of the database is.
#pragma once

#include "feature/search/query_text.hpp"

namespace indaba::search {

struct IndexQuery {
  OrgId org;
  UserId caller;            // none for an API key
  bool everything = false;  // an API key of this organisation reads as an admin
  Wanted wanted;
  chat::MessageId before;  // only older ones; none: from the newest on
  std::int64_t limit = 0;
};

struct HitPage {
  std::vector<HitView> hits;  // newest first
  chat::MessageId go_on;      // before which to go on; none: that was all
};

class SearchIndex : public chat::MessageIndex {
 public:
  // Looks at a bounded number of messages: where few of the found ones are for this caller, a page
  // is short, or empty, and says where to go on.
  [[nodiscard]] virtual Task<Result<HitPage>> find(IndexQuery query) = 0;
  // Forgets messages that went with their room or organisation; for a schedule. How many.
  [[nodiscard]] virtual Task<Result<std::int64_t>> sweep() = 0;
};

}  // namespace indaba::search
