#include "bench/event_template.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace indaba::bench {

namespace {

void append_event(std::string& out, const EventTemplate::Values& values, std::size_t payload_bytes,
                  std::string_view quote) {
  const auto begins = out.size();
  auto to = std::back_inserter(out);
  fmt::format_to(to, "{{{0}n{0}:{1},{0}t{0}:{2},{0}by{0}:{3},{0}p{0}:{0}", quote, values.number,
                 values.sent_at, values.publisher);
  constexpr std::size_t kQuotes = 10;  // of the whole event; escapes are not part of its size
  const auto escapes = kQuotes * (quote.size() - 1) - (quote.size() - 1);
  const auto size = out.size() - begins - escapes + 2;
  if (size < payload_bytes) out.append(payload_bytes - size, 'x');
  out += quote;
  out += '}';
}

void append_uuid(std::string& out, SeededRandom& random) {
  const auto high = (random.next() & ~std::uint64_t{0xF000}) | 0x4000;  // version 4, RFC 9562
  const auto low = (random.next() & ~(std::uint64_t{3} << 62U)) | std::uint64_t{1} << 63U;
  fmt::format_to(std::back_inserter(out), "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32U,
                 high >> 16U & 0xFFFFU, high & 0xFFFFU, low >> 48U, low & 0xFFFFFFFFFFFFU);
}

}  // namespace

Result<EventTemplate> EventTemplate::parse(std::string_view text, std::size_t payload_bytes) {
  EventTemplate made;
  made.payload_bytes_ = payload_bytes;
  bool has_event = false;
  std::string literal;
  // A brace that opens no hole is JSON's own.
  while (!text.empty()) {
    auto part = Part::literal;
    std::size_t size = 1;
    for (const auto& [name, meaning] : {std::pair<std::string_view, Part>("{event}", Part::event),
                                        {"{event_string}", Part::event_string},
                                        {"{sender}", Part::sender},
                                        {"{uuid}", Part::uuid}}) {
      if (!text.starts_with(name)) continue;
      part = meaning;
      size = name.size();
    }
    if (part == Part::literal) {
      literal += text.front();
    } else {
      if (!literal.empty()) made.pieces_.push_back({Part::literal, std::exchange(literal, {})});
      made.pieces_.push_back({part, {}});
      has_event = has_event || part == Part::event || part == Part::event_string;
    }
    text.remove_prefix(size);
  }
  if (!literal.empty()) made.pieces_.push_back({Part::literal, std::move(literal)});
  if (!has_event)
    return Error(ErrorKind::invalid, "--publish has neither {event} nor {event_string} in it");
  return made;
}

void EventTemplate::append_to(std::string& out, const Values& values, SeededRandom& random) const {
  for (const auto& piece : pieces_) {
    switch (piece.part) {
      case Part::literal:
        out += piece.text;
        break;
      case Part::event:
        append_event(out, values, payload_bytes_, "\"");
        break;
      case Part::event_string:
        append_event(out, values, payload_bytes_, "\\\"");
        break;
      case Part::sender:
        fmt::format_to(std::back_inserter(out), "{}", values.publisher);
        break;
      case Part::uuid:
        append_uuid(out, random);
        break;
    }
  }
}

}  // namespace indaba::bench
