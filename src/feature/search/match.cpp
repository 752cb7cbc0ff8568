#include "feature/search/match.hpp"

#include <fmt/format.h>

#include <iterator>

namespace indaba::search {

namespace {

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c == '\0' ? ' ' : c;
  }
  out += '"';
}

}  // namespace

std::string match_of(const Wanted& wanted, const Places& places, Blocks blocks) {
  std::string out;
  if (!wanted.terms.empty()) {
    out += "{body} : (";
    for (const auto& term : wanted.terms) {
      append_quoted(out, term.text);
      out += term.prefix ? "* " : " ";
    }
    out += ") AND ";
  }
  const auto into = std::back_inserter(out);
  fmt::format_to(into, R"({{places}} : ("o{}")", places.org.value);
  if (places.author) fmt::format_to(into, R"( "u{}")", places.author.value);
  if (wanted.link) out += R"( "link")";
  if (wanted.reply) out += R"( "reply")";
  out += ')';
  std::string_view between = " AND {places} : (";
  for (auto block = blocks.first; block <= blocks.last; ++block) {
    fmt::format_to(into, R"({}"b{}")", between, block);
    between = " OR ";
  }
  out += ')';
  if (places.rooms.empty()) return out;
  between = " AND {places} : (";
  for (const auto room : places.rooms) {
    fmt::format_to(into, R"({}"r{}")", between, room.value);
    between = " OR ";
  }
  out += ')';
  return out;
}

}  // namespace indaba::search
