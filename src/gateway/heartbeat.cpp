#include "gateway/heartbeat.hpp"

#include "gateway/frame_text.hpp"
#include "ws/frame_header.hpp"

#include <algorithm>

namespace indaba::gateway {

const net::Frame& Heartbeat::frame(MonoTime tick, WallTime now) {
  if (frame_ && made_at_ == tick) return frame_;
  FrameText text("heartbeat");
  text.member("timestamp", now);
  made_at_ = tick;
  frame_ = net::Frame::of({ws::make_frame(ws::Opcode::text, std::move(text).finish()).bytes(),
                           ws::make_frame(ws::Opcode::ping, {}).bytes()});
  return frame_;
}

MonoTime Heartbeat::together(MonoTime wanted, Millis interval) noexcept {
  const auto step = std::clamp(interval / 64, Millis(1), Millis(250));
  const auto since = wanted.time_since_epoch();
  const auto late = since % step;
  return late.count() == 0 ? wanted : wanted + (step - late);
}

}  // namespace indaba::gateway
