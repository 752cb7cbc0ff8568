#include "feature/search/pg_match.hpp"

#include <fmt/format.h>

#include <iterator>

namespace indaba::search {

namespace {

void append_lexeme(std::string& out, std::string_view word) {
  out += '\'';
  for (const char c : word) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  out += '\'';
}

void append_phrase(std::string& out, const Phrase& phrase) {
  out += '(';
  for (std::size_t i = 0; i < phrase.words.size(); ++i) {
    if (i > 0) out += " <-> ";
    append_lexeme(out, phrase.words[i]);
  }
  out += phrase.prefix ? ":*) & " : ") & ";
}

// As few marks as cover the blocks: coarse ones where a whole one is in it.
void append_blocks(std::string& out, queries::Between between) {
  auto block = (between.after + 1) / kIdsAFineBlock;
  const auto last = (between.before - 1) / kIdsAFineBlock;
  std::string_view between_marks = "(";
  while (block <= last) {
    const bool coarse = block % kFineBlocksACoarse == 0 && block + kFineBlocksACoarse - 1 <= last;
    fmt::format_to(std::back_inserter(out), "{}':{}{}'", between_marks, coarse ? 'c' : 'b',
                   coarse ? block / kFineBlocksACoarse : block);
    block += coarse ? kFineBlocksACoarse : 1;
    between_marks = " | ";
  }
  out += ')';
}

}  // namespace

std::string tsquery_of(const Wanted& wanted, const std::vector<Phrase>& phrases,
                       const Places& places, queries::Between between) {
  std::string out;
  for (const auto& phrase : phrases) append_phrase(out, phrase);
  const auto into = std::back_inserter(out);
  fmt::format_to(into, "':o{}' & ", places.org.value);
  if (places.author) fmt::format_to(into, "':u{}' & ", places.author.value);
  if (wanted.link) out += "':link' & ";
  if (wanted.reply) out += "':reply' & ";
  append_blocks(out, between);
  if (places.rooms.empty()) return out;
  std::string_view between_marks = " & (";
  for (const auto room : places.rooms) {
    fmt::format_to(into, "{}':r{}'", between_marks, room.value);
    between_marks = " | ";
  }
  out += ')';
  return out;
}

std::string tsvector_of(const std::vector<Word>& words) {
  std::string out;
  std::size_t position = 0;
  for (const auto& word : words) {
    append_lexeme(out, word.text);
    fmt::format_to(std::back_inserter(out), ":{} ", ++position);
  }
  return out;
}

}  // namespace indaba::search
