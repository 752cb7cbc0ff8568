// The language of a search: what somebody types, taken apart.
//
//   budget "final report" tab* from:anna in:general before:2026-02-01 after:2026-01-12 has:link
//
// Every word and every phrase must occur. A word that ends in "*" stands for all that begin with
// it; without, it is that word alone. from, in, before, after and has are operators, once each (has
// once for each thing); anything else with a colon is a word. A day is one in UTC: `before` ends
// where it begins, `after` begins where it ends; a moment in RFC 3339 is that moment.
//
// Pure. Nothing that is typed is ever syntax of a database: see match_of() of the index.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "feature/search/views.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::search {

struct Term {
  std::string text;  // a word, or the words of a phrase
  bool prefix = false;
  friend bool operator==(const Term&, const Term&) = default;
};

struct Wanted {
  std::vector<Term> terms;
  std::optional<std::string> author;  // by username
  std::optional<std::string> room;    // by slug
  std::optional<WallTime> since;      // created then or later
  std::optional<WallTime> until;      // created before
  bool link = false;
  bool reaction = false;
  bool reply = false;

  [[nodiscard]] bool is_empty() const noexcept {
    return terms.empty() && !author && !room && !since && !until && !link && !reaction && !reply;
  }
};

inline constexpr std::size_t kMostTerms = 16;

// invalid, with the field that is wrong.
[[nodiscard]] Result<Wanted> read_query(const SearchMessages& asked);

}  // namespace indaba::search
