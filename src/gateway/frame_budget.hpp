// FrameBudget: how many frames a connection may send, as a bucket that fills by time. One
// connection's, on its loop.
#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <cstdint>

namespace indaba::gateway {

class FrameBudget {
 public:
  enum class Verdict : std::uint8_t { ok, over, far_over };

  // A bucket of one second's frames, filled at `a_second`. Who goes on sending ten times more than
  // is let through is `far_over`.
  [[nodiscard]] Verdict take(MonoTime now, int a_second) noexcept {
    const auto passed = std::min<std::int64_t>((now - filled_at_).count(), 1'000);
    const std::int64_t full = std::int64_t{1'000} * a_second;
    if (passed > 0) {
      filled_at_ = now;
      thousandths_ = std::min(full, thousandths_ + passed * a_second);
    }
    if (thousandths_ >= 1'000) {
      thousandths_ -= 1'000;
      refused_ = 0;
      return Verdict::ok;
    }
    return ++refused_ > 10 * a_second ? Verdict::far_over : Verdict::over;
  }
  [[nodiscard]] Millis until_next(int a_second) const noexcept {
    return Millis((1'000 - thousandths_ + a_second - 1) / a_second);
  }

 private:
  MonoTime filled_at_{};
  std::int64_t thousandths_ = 0;  // the first take() fills it: filled_at_ lies in the past
  std::int32_t refused_ = 0;
};

}  // namespace indaba::gateway
