// TimerWheel: time-outs and heartbeats of many connections, at a coarse resolution and without an
// allocation.
//
// A wheel of slots as in Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987), scheme
// 6: a timer hangs in the slot of its tick, and waits there for as many rounds as it needs. Lives
// on one loop.
#pragma once

#include "base/clock.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace indaba::net {

// Embedded in whatever wants to be called. It takes itself out of the wheel when it is destroyed.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  [[nodiscard]] bool armed() const noexcept { return next_ != nullptr; }
  [[nodiscard]] MonoTime deadline() const noexcept { return deadline_; }

 protected:
  virtual ~Timer() { unlink(); }
  virtual void on_timer() = 0;

 private:
  friend class TimerWheel;
  void unlink() noexcept;

  Timer* prev_ = nullptr;
  Timer* next_ = nullptr;
  MonoTime deadline_{};
};

class TimerWheel {
 public:
  static constexpr Millis kTick{8};

  explicit TimerWheel(MonoTime now);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  // Arms the timer, again if it was armed; it fires once, not before `deadline`.
  void arm(Timer& timer, MonoTime deadline);
  static void disarm(Timer& timer) noexcept { timer.unlink(); }
  // Fires what is due.
  void advance(MonoTime now);
  // How long a loop may sleep; nothing where no timer is armed.
  [[nodiscard]] std::optional<Millis> until_next(MonoTime now) const;

 private:
  static constexpr std::size_t kSlots = 1024;
  struct Slot final : Timer {  // the head of a ring
    void on_timer() override {}
  };
  [[nodiscard]] static std::int64_t tick_of(MonoTime t) noexcept {
    return t.time_since_epoch() / kTick;
  }
  void link(Slot& slot, Timer& timer) noexcept;
  void fire_slot(Slot& slot, MonoTime now);

  std::array<Slot, kSlots> slots_;
  std::int64_t done_;  // the last tick whose slot has been looked at
};

}  // namespace indaba::net
