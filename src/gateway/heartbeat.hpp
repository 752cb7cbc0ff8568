// Heartbeat: what a connection hears when nothing else is said, and when.
//
// One a loop, used there. Many connections beat in the same tick, with the same bytes: ten thousand
// idle ones wake the loop four times a second instead of a thousand times.
#pragma once

#include "base/clock.hpp"
#include "net/frame.hpp"

namespace indaba::gateway {

class Heartbeat {
 public:
  // The text frame and the Ping behind it, made once a tick. `tick` is the loop's time.
  [[nodiscard]] const net::Frame& frame(MonoTime tick, WallTime now);

  // The moment at or shortly after `wanted` at which others beat too.
  [[nodiscard]] static MonoTime together(MonoTime wanted, Millis interval) noexcept;

 private:
  MonoTime made_at_{};
  net::Frame frame_;
};

}  // namespace indaba::gateway
