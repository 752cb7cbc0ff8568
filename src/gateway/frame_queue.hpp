// FrameQueue: the frames of one connection in their order: which is in hand, which have given way
// to those behind them, which wait.
//
// Lives on its session's loop. One frame is in hand at a time. One that has its place in the
// writer's queue gives way: the next may begin before it is answered, so that many events of one
// publisher share a commit. Both kinds are bounded, and so is what waits, by the session that stops
// reading.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace indaba::gateway {

class FrameQueue {
 public:
  // Enough to fill commits; few enough that no connection fills the writer's queue.
  static constexpr std::size_t kMaxOverlapping = 64;
  static constexpr std::size_t kMaxWaitingBytes = 64 * 1024;

  struct Waiting {
    std::string text;
    std::int64_t count;  // the frame's number on its connection
  };
  // One frame that is not answered at once.
  struct Turn {
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
    bool gave_way = false;
  };

  [[nodiscard]] bool may_begin() const noexcept {
    return !in_hand_ && overlapping_ < kMaxOverlapping;
  }
  [[nodiscard]] bool empty() const noexcept { return waiting_ == nullptr; }
  [[nodiscard]] bool full() const noexcept { return bytes_ > kMaxWaitingBytes; }
  [[nodiscard]] bool half_empty() const noexcept { return bytes_ < kMaxWaitingBytes / 2; }
  void wait(std::string_view text, std::int64_t count) {
    if (!waiting_) waiting_ = std::make_unique<std::deque<Waiting>>();
    bytes_ += text.size() + sizeof(Waiting);  // an empty frame takes a place too
    waiting_->push_back({std::string(text), count});
  }
  // The oldest one, where it may begin.
  [[nodiscard]] std::optional<Waiting> next() {
    if (!waiting_ || !may_begin()) return std::nullopt;
    auto oldest = std::move(waiting_->front());
    waiting_->pop_front();
    bytes_ -= oldest.text.size() + sizeof(Waiting);
    if (waiting_->empty()) waiting_.reset();
    return oldest;
  }
  void clear() noexcept {
    waiting_.reset();
    bytes_ = 0;
  }

  void begin() noexcept { in_hand_ = true; }
  void give_way(Turn& turn) noexcept {
    if (std::exchange(turn.gave_way, true)) return;
    in_hand_ = false;
    ++overlapping_;
  }
  void end(const Turn& turn) noexcept {
    if (turn.gave_way)
      --overlapping_;
    else
      in_hand_ = false;
  }

 private:
  std::unique_ptr<std::deque<Waiting>> waiting_;  // an empty deque would hold 600 bytes
  std::size_t bytes_ = 0;
  std::uint32_t overlapping_ = 0;
  bool in_hand_ = false;
};

}  // namespace indaba::gateway
