// HeadWatch: finds what the bus lost. Now and then it compares where the streams stand that this
// process follows with what it saw the last time, and hands on what moved; readers that heard of it
// already lose nothing by hearing it again.
//
// A head that is smaller, in the same epoch, than it was at the last look, or than an event that
// was heard of before this look began (or before a writer of this process took the stream), proves
// that the database has lost what was acknowledged: it was replaced by a standby that had not
// everything. Numbers are given out again then, so the stream begins another epoch in the log, by
// whichever node comes first, and its readers are told as of any other new epoch. What is not
// proved so is a head that others have moved past the old one before this process looks or writes.
//
// One query a look, whatever the number of streams, and never two at once: every two seconds while
// the bus carries messages, every quarter of a second while it does not (every second and a half
// where nobody follows anything but the node itself). Of that time no more than a tenth is spent
// waiting for answers, but two seconds after one it looks again in any case. Lives on one loop, and
// outlives what is asked there; request() on any thread.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "stream/head_source.hpp"
#include "stream/hub.hpp"

#include <atomic>
#include <functional>
#include <unordered_map>

namespace indaba::cluster {

class HeadWatch {
 public:
  static constexpr Millis kWithBus{2'000};
  static constexpr Millis kWithoutBus{250};
  static constexpr Millis kIdle{1'500};  // without the bus and without readers
  static constexpr Millis kLeast{50};    // between two looks, also where one is asked for

  struct Parts {  // all outlive this
    stream::HeadSource& source;
    stream::Hub& hub;
    const Clock& clock;
    Logger& log;
    // Does the bus carry messages?
    std::function<bool()> bus_up;
    // Told of every look that was answered: when it was asked, and what it found.
    std::function<void(MonoTime, std::span<const stream::StreamHead>)> looked;
  };
  explicit HeadWatch(Parts parts) : parts_(std::move(parts)) {}

  // Looks, if it is time.
  void tick();
  // Soon: something may have been lost.
  void request() noexcept { requested_.store(true, std::memory_order_relaxed); }

  [[nodiscard]] std::uint64_t looks() const noexcept {
    return looks_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t failures() const noexcept {
    return failures_.load(std::memory_order_relaxed);
  }

 private:
  struct Seen {
    std::string epoch;
    Seq head;
    Seq oldest;
    Seq heard;                 // when the look under way began
    bool found_short = false;  // likewise, by a writer
    bool lost = false;         // events of this epoch
    std::int64_t rewrites = 0;
    std::uint64_t look = 0;  // the last one that had it
  };
  [[nodiscard]] bool due(MonoTime now);
  [[nodiscard]] bool idle();
  void on_heads(MonoTime asked, const Result<std::vector<stream::StreamHead>>& heads);
  void compare(std::span<const stream::StreamHead> heads);
  void note_lost(Seen& seen, const stream::StreamHead& head);
  void begin_epochs();

  const Parts parts_;
  std::unordered_map<StreamId, Seen> seen_;
  MonoTime looked_at_{};
  Millis took_{0};
  bool idle_ = false;  // at the last look
  bool looking_ = false;
  bool beginning_ = false;  // epochs
  std::atomic<bool> requested_{false};
  std::atomic<std::uint64_t> looks_{0};
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace indaba::cluster
