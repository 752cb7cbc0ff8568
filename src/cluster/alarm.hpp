// Alarm: a timer that calls a function of its owner. On one loop, as the wheel.
#pragma once

#include "net/timer_wheel.hpp"

#include <functional>
#include <utility>

namespace indaba::cluster {

class Alarm final : public net::Timer {
 public:
  explicit Alarm(std::move_only_function<void()> ring) : ring_(std::move(ring)) {}
  void disarm() noexcept { net::TimerWheel::disarm(*this); }

 private:
  void on_timer() override { ring_(); }
  std::move_only_function<void()> ring_;
};

}  // namespace indaba::cluster
