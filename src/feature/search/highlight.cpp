#include "feature/search/highlight.hpp"

#include "base/html.hpp"

#include <algorithm>

namespace indaba::search {

namespace {

// Bytes; they are moved outwards or inwards to the borders of characters and words.
constexpr std::size_t kBefore = 60;
constexpr std::size_t kAfter = 100;
constexpr std::size_t kLongestMark = 200;
constexpr std::size_t kWordSearch = 24;
constexpr std::size_t kMostParts = 3;

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct Found {
  std::string text;  // without the marks
  std::vector<Span> matches;
};

Found unmarked(std::string_view marked, const Marks& marks) {
  Found found;
  found.text.reserve(marked.size());
  for (;;) {
    const auto open = marked.find(marks.open);
    found.text += marked.substr(0, open);
    if (open == std::string_view::npos) return found;
    marked.remove_prefix(open + marks.open.size());
    const auto close = std::min(marked.find(marks.close), marked.size());
    const auto begin = found.text.size();
    found.text += marked.substr(0, close);
    found.matches.push_back({begin, found.text.size()});
    marked.remove_prefix(std::min(close + marks.close.size(), marked.size()));
  }
}

bool is_inside_character(std::string_view text, std::size_t at) noexcept {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
}

bool is_space(char c) noexcept {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// The nearest beginning of a word at or behind `at`, but before `latest`.
std::size_t word_begin(std::string_view text, std::size_t at, std::size_t latest) {
  if (at == 0) return 0;
  for (auto i = at; i < std::min(at + kWordSearch, latest); ++i)
    if (is_space(text[i - 1])) return i;
  while (is_inside_character(text, at)) ++at;
  return std::min(at, latest);
}

// The nearest end of a word at or before `at`, but behind `earliest`.
std::size_t word_end(std::string_view text, std::size_t at, std::size_t earliest) {
  if (at >= text.size()) return text.size();
  for (auto i = at; i > earliest && at - i < kWordSearch; --i)
    if (is_space(text[i])) return i;
  while (at > earliest && is_inside_character(text, at)) --at;
  return at;
}

// The stretches of the text that are shown, each around its first match.
std::vector<Span> parts_of(const Found& found) {
  std::vector<Span> parts;
  for (const auto& match : found.matches) {
    auto shown = std::min(match.end, match.begin + kLongestMark);
    while (shown > match.begin && is_inside_character(found.text, shown)) --shown;
    const auto end = word_end(found.text, shown + kAfter, shown);
    if (!parts.empty() && shown <= parts.back().end) continue;
    const auto earliest = match.begin > kBefore ? match.begin - kBefore : 0;
    if (!parts.empty() && earliest <= parts.back().end) {
      if (parts.back().end - parts.back().begin < kLongestMark + kAfter) {
        parts.back().end = end;
        continue;
      }
    }
    if (parts.size() == kMostParts) break;
    auto begin = word_begin(found.text, earliest, match.begin);
    if (!parts.empty()) begin = std::max(begin, parts.back().end);
    parts.push_back({begin, end});
  }
  return parts;
}

std::string html_of(const Found& found, const Span& part) {
  const std::string_view text = found.text;
  std::string out = part.begin > 0 ? "… " : "";
  auto at = part.begin;
  for (const auto& match : found.matches) {
    const auto begin = std::max(match.begin, at);
    const auto end = std::min(match.end, part.end);
    if (begin >= end) continue;
    html::append_escaped(out, text.substr(at, begin - at));
    out += "<mark>";
    html::append_escaped(out, text.substr(begin, end - begin));
    out += "</mark>";
    at = end;
  }
  html::append_escaped(out, text.substr(at, part.end - at));
  if (part.end < text.size()) out += " …";
  return out;
}

}  // namespace

std::vector<std::string> highlights_of(std::string_view marked, const Marks& marks) {
  const auto found = unmarked(marked, marks);
  std::vector<std::string> out;
  for (const auto& part : parts_of(found)) out.push_back(html_of(found, part));
  return out;
}

}  // namespace indaba::search
