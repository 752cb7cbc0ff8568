// Said: how often the log hears of one thing. A few times in ten seconds; how many were left out
// stands in the next entry. On one thread.
#pragma once

#include "base/clock.hpp"

#include <cstdint>

namespace indaba::job::celery {

class Said {
 public:
  // Whether it is told this time.
  [[nodiscard]] bool may(MonoTime now) {
    if (since_ == MonoTime{} || now - since_ >= kWindow) {
      since_ = now;
      told_ = 0;
    }
    if (told_ < kMost) {
      ++told_;
      return true;
    }
    ++left_out_;
    return false;
  }
  // Since the last time that it was told.
  [[nodiscard]] std::int64_t left_out() noexcept {
    const auto count = left_out_;
    left_out_ = 0;
    return count;
  }

 private:
  static constexpr Millis kWindow{10'000};
  static constexpr int kMost = 10;
  MonoTime since_{};
  int told_ = 0;
  std::int64_t left_out_ = 0;
};

}  // namespace indaba::job::celery
