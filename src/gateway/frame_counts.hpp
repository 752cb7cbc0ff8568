// FrameCounts: frames of one loop's sockets by type, for /metrics.
//
// Counted on the loop alone and read by any thread. A delivery costs one plain increment; only what
// is answered or asked looks its type up. A type that is not the protocol's own counts as "other",
// so that a client cannot make up labels.
#pragma once

#include "base/loop_counter.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace indaba::gateway {

class FrameCounts {
 public:
  void add(std::string_view type) noexcept { ++counts_[index_of(type)]; }
  // Events of all types are one: an event's type is whatever was published.
  void add_events(std::uint64_t n) noexcept { counts_[kEvent].add(n); }

  // The type if it is the protocol's own, else "other". Lives for ever.
  [[nodiscard]] static std::string_view known(std::string_view type) noexcept {
    return kTypes[index_of(type)];
  }

  // visit(type, count) for every type that there was.
  template <class F>
  void each(F visit) const {
    for (std::size_t i = 0; i < kTypes.size(); ++i)
      if (const std::uint64_t n = counts_[i]; n > 0) visit(kTypes[i], n);
  }

 private:
  static constexpr auto kTypes = std::to_array<std::string_view>(
      {"other",       "event",        "welcome",        "subscribed", "unsubscribed",
       "reset",       "ok",           "pong",           "error",      "heartbeat",
       "goodbye",     "published",    "presence_state", "subscribe",  "ping",
       "unsubscribe", "ack",          "auth",           "publish",    "presence",
       "message",     "message_sent", "edit",           "delete",     "react",
       "typing",      "read_receipt"});
  static constexpr std::size_t kOther = 0;
  static constexpr std::size_t kEvent = 1;

  [[nodiscard]] static std::size_t index_of(std::string_view type) noexcept {
    const auto* const found = std::ranges::find(kTypes, type);
    return found == kTypes.end() ? kOther : static_cast<std::size_t>(found - kTypes.begin());
  }

  std::array<LoopCounter, kTypes.size()> counts_;
};

}  // namespace indaba::gateway
