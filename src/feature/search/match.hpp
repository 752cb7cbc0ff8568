// The text of an FTS5 query. https://www.sqlite.org/fts5.html#full_text_query_syntax
//
// Whatever was typed stands in a quoted string, with its quotes doubled: none of it is syntax, and
// FTS5 makes of it what its tokenizer made of the messages. A string without a letter or digit is
// passed over beside others, and finds nothing alone.
//
// Pure.
#pragma once

#include "feature/search/query_text.hpp"

#include <cstdint>
#include <span>

namespace indaba::search {

// Ids that share a mark in the index.
inline constexpr std::int64_t kIdsABlock = 65'536;

// What narrows a search inside the index: marks in the column `places`.
struct Places {
  OrgId org;
  UserId author;                             // none: anyone
  std::span<const chat::RoomId> rooms = {};  // one of these; empty: any
};

struct Blocks {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

[[nodiscard]] std::string match_of(const Wanted& wanted, const Places& places, Blocks blocks);

}  // namespace indaba::search
