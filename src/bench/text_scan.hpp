// Finding an event inside a message without parsing it: at a million messages a second, parsing
// JSON would measure the client.
//
// An event is the object that EventTemplate writes, wherever the server put it: as JSON inside
// JSON, or escaped inside a string; with or without spaces behind colons. One scanner belongs to
// one process and remembers where the last event stood, because the next one stands there too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace indaba::bench {

struct FoundEvent {
  std::int64_t number = 0;    // "n"
  std::int64_t sent_at = 0;   // "t"
  std::size_t publisher = 0;  // "by"
  std::size_t at = 0;         // where "n" stands
};

class EventScanner {
 public:
  [[nodiscard]] std::optional<FoundEvent> find(std::string_view message);
  // The server's own "seq", which stands before the event where there is one.
  [[nodiscard]] std::optional<std::int64_t> seq(std::string_view message, const FoundEvent& event);

 private:
  std::size_t event_hint_ = 0;
  std::size_t seq_hint_ = 0;
};

// The number behind `"name":`, `\"name\":` alike.
[[nodiscard]] std::optional<std::int64_t> number_of(std::string_view text, std::string_view name);
// The text behind `"name":"`, up to the next quote; empty where there is none.
[[nodiscard]] std::string_view text_of(std::string_view text, std::string_view name);

}  // namespace indaba::bench
