#include "net/timer_wheel.hpp"

#include <algorithm>

namespace indaba::net {

void Timer::unlink() noexcept {
  if (next_ == nullptr) return;
  prev_->next_ = next_;
  next_->prev_ = prev_;
  prev_ = next_ = nullptr;
}

TimerWheel::TimerWheel(MonoTime now) : done_(tick_of(now)) {
  for (auto& slot : slots_) slot.prev_ = slot.next_ = &slot;
}

TimerWheel::~TimerWheel() {
  for (auto& slot : slots_)
    while (slot.next_ != &slot) slot.next_->unlink();
}

void TimerWheel::link(Slot& slot, Timer& timer) noexcept {
  timer.prev_ = slot.prev_;
  timer.next_ = &slot;
  slot.prev_->next_ = &timer;
  slot.prev_ = &timer;
}

void TimerWheel::arm(Timer& timer, MonoTime deadline) {
  timer.unlink();
  timer.deadline_ = deadline;
  // Round up, and never into a slot that this round has already passed.
  const auto tick = std::max(tick_of(deadline + kTick - Millis(1)), done_ + 1);
  link(slots_[static_cast<std::size_t>(tick) % kSlots], timer);
}

void TimerWheel::advance(MonoTime now) {
  const auto now_tick = tick_of(now);
  // After a long sleep each slot needs one look, not one a missed tick.
  auto tick = std::max(done_ + 1, now_tick - static_cast<std::int64_t>(kSlots) + 1);
  for (; tick <= now_tick; ++tick) {
    done_ = tick;
    fire_slot(slots_[static_cast<std::size_t>(tick) % kSlots], now);
  }
}

void TimerWheel::fire_slot(Slot& slot, MonoTime now) {
  if (slot.next_ == &slot) return;
  // Move the ring aside first: a callback may arm, disarm or destroy any timer.
  Slot due;
  due.next_ = slot.next_;
  due.prev_ = slot.prev_;
  due.next_->prev_ = &due;
  due.prev_->next_ = &due;
  slot.prev_ = slot.next_ = &slot;
  while (due.next_ != &due) {
    Timer& timer = *due.next_;
    timer.unlink();
    if (timer.deadline_ <= now)
      timer.on_timer();
    else
      link(slot, timer);  // a later round's
  }
  due.prev_ = due.next_ = nullptr;
}

std::optional<Millis> TimerWheel::until_next(MonoTime now) const {
  // A slot may hold only timers of later rounds; the loop then wakes once more than it must, every
  // 8 s at most.
  for (std::size_t ahead = 1; ahead <= kSlots; ++ahead) {
    const auto tick = done_ + static_cast<std::int64_t>(ahead);
    const Slot& slot = slots_[static_cast<std::size_t>(tick) % kSlots];
    if (slot.next_ != &slot) return std::max(Millis(0), MonoTime(kTick * tick) - now);
  }
  return std::nullopt;
}

}  // namespace indaba::net
