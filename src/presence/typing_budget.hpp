// TypingBudget: how many `typing` frames a connection may send in a second, in 8 bytes: there is
// one for every connection. On its loop.
#pragma once

#include "base/clock.hpp"

#include <cstdint>

namespace indaba::presence {

class TypingBudget {
 public:
  [[nodiscard]] bool take(MonoTime now, int a_second) noexcept {
    if (const auto second = second_of(now); second != second_) {
      second_ = second;
      used_ = 0;
    }
    if (used_ >= a_second) return false;
    ++used_;
    return true;
  }
  [[nodiscard]] static Millis until_next(MonoTime now) noexcept {
    return Millis(1'000 - now.time_since_epoch().count() % 1'000);
  }

 private:
  [[nodiscard]] static std::uint32_t second_of(MonoTime now) noexcept {
    return static_cast<std::uint32_t>(now.time_since_epoch().count() / 1'000);
  }
  std::uint32_t second_ = 0;
  std::int32_t used_ = 0;
};

}  // namespace indaba::presence
