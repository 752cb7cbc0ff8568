// Rendering: the bytes of one event, made at first use and shared by every reader of this loop that
// wants the same ones.
//
// An event is encoded once a wire format and stream name; a thousand subscribers cost a thousand
// pointers. Lives on one loop.
#pragma once

#include "net/frame.hpp"
#include "stream/event.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::stream {

// How an event's JSON is wrapped for a kind of client. One object a loop; its address is its
// identity.
class WireFormat {
 public:
  virtual ~WireFormat() = default;
  [[nodiscard]] virtual net::Frame wrap(std::string_view json) = 0;
};

// The flat JSON object that a reader sees. `stream` is the name by which it asked. A body over 16
// KiB is left out and marked `truncated`: the reader fetches it by its seq. A sign is whole.
[[nodiscard]] std::string to_json(const Event& event, std::string_view stream_name);
inline constexpr std::size_t kMaxInlineBody = 16 * 1024;

// Frames by wire format and name: one or two, so that a linear look is the fastest.
class MadeFrames {
 public:
  [[nodiscard]] const net::Frame* find(const WireFormat& format,
                                       std::uint16_t name) const noexcept {
    for (const auto& made : made_)
      if (made.format == &format && made.name == name) return &made.frame;
    return nullptr;
  }
  const net::Frame& keep(const WireFormat& format, std::uint16_t name, net::Frame frame) {
    return made_.emplace_back(&format, name, std::move(frame)).frame;
  }

 private:
  struct Made {
    const WireFormat* format;
    std::uint16_t name;
    net::Frame frame;
  };
  std::vector<Made> made_;
};

class Rendering {
 public:
  explicit Rendering(EventPtr event) : event_(std::move(event)) {}

  [[nodiscard]] const Event& event() const noexcept { return *event_; }
  // `name` is the index of `name_text` among its stream's names.
  [[nodiscard]] const net::Frame& as(WireFormat& format, std::uint16_t name,
                                     std::string_view name_text);

 private:
  EventPtr event_;
  MadeFrames made_;
};

}  // namespace indaba::stream
