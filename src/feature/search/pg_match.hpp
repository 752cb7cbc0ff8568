// The text of a tsquery. https://www.postgresql.org/docs/15/datatype-textsearch.html
//
// An entry of the index has the words of its message, and marks beside them, which begin with a
// colon, as no word does: :o7 its organisation, :r12 its room, :u5 its author, :link and :reply;
// :b3 its block of 1024 ids and :c0 that of 32768. Words come from the tokenizer and are quoted
// all the same: none of what was typed is syntax.
//
// Pure.
#pragma once

#include "feature/search/match.hpp"
#include "feature/search/queries.hpp"
#include "feature/search/words.hpp"

namespace indaba::search {

inline constexpr std::int64_t kIdsAFineBlock = 1'024;
inline constexpr std::int64_t kFineBlocksACoarse = 32;

// All of `between`, and little more.
[[nodiscard]] std::string tsquery_of(const Wanted& wanted, const std::vector<Phrase>& phrases,
                                     const Places& places, queries::Between between);

// The words of a text, as a tsvector.
[[nodiscard]] std::string tsvector_of(const std::vector<Word>& words);

}  // namespace indaba::search
