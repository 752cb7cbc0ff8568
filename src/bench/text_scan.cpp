#include "bench/text_scan.hpp"

#include <charconv>
#include <cstring>
#include <string>

namespace indaba::bench {

namespace {

constexpr auto kNowhere = std::string_view::npos;

// memmem() is vectorised where std::string_view::find goes from candidate to candidate.
std::size_t find_in(std::string_view text, std::string_view mark, std::size_t from = 0) {
  if (from >= text.size()) return kNowhere;
  const auto* found = ::memmem(text.data() + from, text.size() - from, mark.data(), mark.size());
  if (found == nullptr) return kNowhere;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

// `hint` first: nearly every message is made like the one before it.
std::size_t find_near(std::string_view text, std::string_view mark, std::size_t& hint) {
  if (hint < text.size() && text.substr(hint).starts_with(mark)) return hint;
  const auto at = find_in(text, mark);
  if (at != kNowhere) hint = at;
  return at;
}

// Moves `at` behind the number; spaces may stand before it.
std::optional<std::int64_t> take_number(std::string_view text, std::size_t& at) {
  while (at < text.size() && text[at] == ' ') ++at;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  at = static_cast<std::size_t>(end - text.data());
  return value;
}

// The number behind `name` where that is the next member; otherwise wherever it stands.
std::optional<std::int64_t> next_member(std::string_view text, std::string_view name,
                                        std::size_t& at) {
  auto here = at;
  while (here < text.size() &&
         (text[here] == ',' || text[here] == ' ' || text[here] == '\\' || text[here] == '"'))
    ++here;
  if (text.substr(here).starts_with(name)) {
    here += name.size();
    while (here < text.size() && (text[here] == '\\' || text[here] == '"' || text[here] == ':'))
      ++here;
    if (const auto value = take_number(text, here)) {
      at = here;
      return value;
    }
  }
  return number_of(text, name);
}

}  // namespace

std::optional<std::int64_t> number_of(std::string_view text, std::string_view name) {
  for (const auto* const form : {"\"{}\":", "\\\"{}\\\":"}) {
    std::string mark(form);
    mark.replace(mark.find("{}"), 2, name);
    for (auto at = find_in(text, mark); at != kNowhere; at = find_in(text, mark, at + 1)) {
      auto behind = at + mark.size();
      if (const auto value = take_number(text, behind)) return value;
    }
  }
  return std::nullopt;
}

std::string_view text_of(std::string_view text, std::string_view name) {
  const auto mark = '"' + std::string(name) + "\":";
  auto at = find_in(text, mark);
  if (at == kNowhere) return {};
  at += mark.size();
  while (at < text.size() && text[at] == ' ') ++at;
  if (at >= text.size() || text[at] != '"') return {};
  const auto rest = text.substr(at + 1);
  return rest.substr(0, rest.find('"'));
}

std::optional<FoundEvent> EventScanner::find(std::string_view message) {
  constexpr std::string_view kPlain = "\"n\":";
  constexpr std::string_view kEscaped = "\"n\\\":";  // the quote before it has its own backslash
  auto size = kPlain.size();
  auto at = find_near(message, kPlain, event_hint_);
  if (at == kNowhere) {
    size = kEscaped.size();
    at = find_near(message, kEscaped, event_hint_);
  }
  if (at == kNowhere) return std::nullopt;
  FoundEvent event;
  event.at = at;
  auto behind = at + size;
  const auto number = take_number(message, behind);
  const auto sent_at = next_member(message, "t", behind);
  if (!number || !sent_at) return std::nullopt;
  event.number = *number;
  event.sent_at = *sent_at;
  if (const auto by = next_member(message, "by", behind); by && *by > 0)
    event.publisher = static_cast<std::size_t>(*by);
  return event;
}

std::optional<std::int64_t> EventScanner::seq(std::string_view message, const FoundEvent& event) {
  constexpr std::string_view kMark = "\"seq\":";
  const auto before = message.substr(0, event.at);
  const auto at = find_near(before, kMark, seq_hint_);
  if (at == kNowhere) return std::nullopt;
  auto behind = at + kMark.size();
  return take_number(before, behind);
}

}  // namespace indaba::bench
