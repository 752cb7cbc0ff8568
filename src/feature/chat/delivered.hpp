// Delivered: acknowledgements of conversations' streams that have not been written down yet, the
// highest for each stream and user.
//
// Any thread. Bounded: past the bound new ones are left out; the next `ack` of that device says all
// that this one said, and more.
#pragma once

#include "api/acks.hpp"
#include "base/ids.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <mutex>
#include <utility>

namespace indaba::chat {

class Delivered final : public api::AckListener {
 public:
  using Waiting = std::map<std::pair<StreamId, UserId>, Seq>;
  static constexpr std::size_t kMost = 10'000;

  void on_ack(StreamId stream, UserId user, Seq seq) override {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() >= kMost && !waiting_.contains({stream, user})) return;
    auto& highest = waiting_[{stream, user}];
    highest = std::max(highest, seq);
  }
  [[nodiscard]] Waiting take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(waiting_, {});
  }

 private:
  std::mutex mutex_;
  Waiting waiting_;  // guarded by mutex_
};

}  // namespace indaba::chat
