// Loop: one thread's event loop on level-triggered epoll. One a core; a connection lives on one
// loop from accept to close.
//
// A tick: wait, read what is readable, run what was posted, fire timers, run what waits for the
// tick's end, then flush every dirty connection with one send and bury what was closed. Nothing is
// destroyed in the middle of a tick, so a handler may close any connection, its own too. Wake-ups
// are coalesced: post() writes the eventfd only where the loop sleeps.
#pragma once

#include "base/executor.hpp"
#include "base/loop_counter.hpp"
#include "net/send_ring.hpp"
#include "net/timer_wheel.hpp"

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace indaba::net {

// Something with a descriptor in the loop's epoll.
class Pollable {
 public:
  virtual ~Pollable() = default;
  virtual void on_ready(std::uint32_t epoll_events) = 0;
  // Called at the end of the tick in which it was marked dirty.
  virtual void on_tick_end() {}
  // The loop has ended: let go of everything, and bury yourself where the loop owns you.
  virtual void on_loop_end() {}

 private:
  friend class Loop;
  Pollable* owned_prev_ = nullptr;  // among those that the loop owns
  Pollable* owned_next_ = nullptr;
};

class Loop final : public Executor {
 public:
  // `ring`: live events leave by io_uring, where the kernel allows it.
  enum class Sending : unsigned char { calls, ring };
  explicit Loop(int index, const Clock& clock, Sending sending = Sending::calls);
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs on the calling thread until stop(). What was posted before the stop still runs.
  void run();
  void stop();  // any thread

  // Executor
  void post(Work work) override;
  void run_after(Millis delay, Work work) override;
  void at_tick_end(Work work) override { tick_end_.push_back(std::move(work)); }
  [[nodiscard]] MonoTime now() const override { return now_; }  // of this tick

  // On the loop's own thread only:
  void watch(int fd, std::uint32_t epoll_events, Pollable& pollable) const;
  void rewatch(int fd, std::uint32_t epoll_events, Pollable& pollable) const;
  void unwatch(int fd) const;
  void arm(Timer& timer, Millis delay) { wheel_.arm(timer, now_ + delay); }
  void mark_dirty(Pollable& pollable) { dirty_.push_back(&pollable); }
  // The loop owns it from now on, until it is buried; what is left when the loop ends hears
  // on_loop_end().
  Pollable& own(std::unique_ptr<Pollable> pollable);
  // Takes what closed in this tick, and destroys it when nothing can point to it any more.
  void bury(std::unique_ptr<Pollable> pollable) { graveyard_.push_back(std::move(pollable)); }
  void bury_owned(Pollable& pollable);
  // One buffer for all reads on this loop: what a protocol wants to keep, it copies.
  [[nodiscard]] std::span<char> receive_buffer() noexcept { return receive_buffer_; }

  // None where sends are system calls.
  [[nodiscard]] SendRing* ring() noexcept { return ring_.get(); }
  [[nodiscard]] bool has_ring() const noexcept { return has_ring_; }  // any thread
  [[nodiscard]] int index() const noexcept { return index_; }
  [[nodiscard]] bool on_this_thread() const noexcept { return Executor::current() == this; }
  // For balancing and metrics; any thread.
  std::atomic<int> connections{0};
  LoopCounter waiting_bytes;            // that connections have for peers who do not take them
  std::atomic<std::int64_t> lag_us{0};  // how long the longest recent tick kept the others waiting

 private:
  class OneShot;
  void tick();
  [[nodiscard]] int sleep_millis();
  void run_posted();
  void run_tick_end();
  void flush_dirty();

  const int index_;
  const Sending sending_;
  const Clock& clock_;
  int epoll_ = -1;
  int wake_ = -1;
  MonoTime now_;
  std::unique_ptr<SendRing> ring_;
  std::atomic<bool> has_ring_{false};
  TimerWheel wheel_;
  std::list<OneShot> one_shots_;
  std::vector<char> receive_buffer_;
  std::vector<Work> tick_end_;
  std::vector<Work> ending_;
  std::vector<Pollable*> dirty_;
  std::vector<Pollable*> flushing_;
  std::vector<std::unique_ptr<Pollable>> graveyard_;
  Pollable* owned_ = nullptr;  // a list through owned_prev_ and owned_next_

  std::mutex mutex_;
  std::vector<Work> posted_;   // guarded by mutex_
  std::vector<Work> running_;  // the loop's own
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> stopping_{false};
};

}  // namespace indaba::net
