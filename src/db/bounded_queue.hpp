// BoundedQueue: what waits for the database's threads. Past its bound it refuses at once; when it
// stops, what waits is still handed out, and what comes later is refused.
//
// Safe on any thread.
#pragma once

#include "base/result.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

namespace indaba::db {

template <class Item>
class BoundedQueue {
 public:
  using Clock = std::chrono::steady_clock;

  // `gauge` counts what waits in all queues that share it.
  BoundedQueue(std::size_t limit, std::string_view when_full, std::atomic<std::uint64_t>& gauge)
      : limit_(limit), when_full_(when_full), gauge_(gauge) {}

  // Takes `item`, or leaves it and says why not.
  [[nodiscard]] std::optional<Error> push(Item& item) {
    const std::lock_guard lock(mutex_);
    if (stopping_ || items_.size() >= limit_) {
      Error refusal(ErrorKind::unavailable,
                    std::string(stopping_ ? "The server is stopping." : when_full_));
      refusal.retry_after = std::chrono::seconds(1);
      return refusal;
    }
    items_.push_back({std::move(item), Clock::now()});
    gauge_.fetch_add(1, std::memory_order_relaxed);
    wake_.notify_one();
    return std::nullopt;
  }

  // Waits until there is something, and moves up to `most` of it to the end of `out`. False: it has
  // stopped, and nothing is left.
  bool take(std::vector<Item>& out, std::size_t most) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !items_.empty(); });
    return move_out(out, most);
  }
  // The same without waiting for it.
  bool take_waiting(std::vector<Item>& out, std::size_t most) {
    const std::lock_guard lock(mutex_);
    return move_out(out, most);
  }

  // What has waited since `moment` or longer.
  bool take_older(std::vector<Item>& out, Clock::time_point moment) {
    const std::lock_guard lock(mutex_);
    const auto younger =
        std::ranges::find_if(items_, [&](const Entry& entry) { return entry.since > moment; });
    return move_out(out, static_cast<std::size_t>(younger - items_.begin()));
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  [[nodiscard]] bool stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

 private:
  struct Entry {
    Item item;
    Clock::time_point since;
  };
  bool move_out(std::vector<Item>& out, std::size_t most) {
    std::size_t moved = 0;
    for (; !items_.empty() && moved < most; ++moved) {
      out.push_back(std::move(items_.front().item));
      items_.pop_front();
    }
    gauge_.fetch_sub(moved, std::memory_order_relaxed);
    return moved > 0;
  }

  const std::size_t limit_;
  const std::string_view when_full_;
  std::atomic<std::uint64_t>& gauge_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Entry> items_;  // under mutex_
  bool stopping_ = false;    // under mutex_
};

}  // namespace indaba::db
