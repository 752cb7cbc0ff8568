// EventTemplate: what a sender sends, written once with holes in it: {event}, {event_string} (the
// same, escaped as the inside of a JSON string), {sender} (which of the senders) and {uuid}.
//
// An event is {"n":1,"t":<ns>,"by":0,"p":"xxx…"}: the sender's counter, when it was (to be) sent by
// the steady clock, which sender, and padding up to the wanted size.
#pragma once

#include "base/random.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::bench {

class EventTemplate {
 public:
  // ErrorKind::invalid where a hole has an unknown name or there is no event in it.
  [[nodiscard]] static Result<EventTemplate> parse(std::string_view text,
                                                   std::size_t payload_bytes);

  struct Values {
    std::int64_t number = 0;
    std::int64_t sent_at = 0;
    std::size_t publisher = 0;
  };
  void append_to(std::string& out, const Values& values, SeededRandom& random) const;

 private:
  enum class Part : std::uint8_t { literal, event, event_string, sender, uuid };
  struct Piece {
    Part part = Part::literal;
    std::string text;
  };
  std::vector<Piece> pieces_;
  std::size_t payload_bytes_ = 0;
};

}  // namespace indaba::bench
