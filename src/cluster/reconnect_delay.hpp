// How long a client of Redis waits before it connects anew: twice as long after every failure, up
// to five seconds, half of it by chance so that nodes do not come back all at once. Pure.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"

#include <algorithm>

namespace indaba::cluster {

// After `failures` (from 0) in a row.
[[nodiscard]] inline Millis reconnect_delay(unsigned failures, Random& random) {
  constexpr Millis kFirst{100};
  constexpr Millis kLongest{5000};
  const auto longest = std::min(kLongest, kFirst * (1U << std::min(failures, 6U)));
  const auto half = static_cast<std::uint64_t>(longest.count()) / 2;
  return Millis(static_cast<std::int64_t>(half + random.below(half + 1)));
}

}  // namespace indaba::cluster
