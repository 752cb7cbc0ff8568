// Executor: where work runs later. A loop in production, a queue on simulated time in tests.
//
// Everything that lives on a loop (connections, subscriptions, requests) is touched on its
// executor's thread alone; other threads hand work over with post().
#pragma once

#include "base/clock.hpp"

#include <functional>

namespace indaba {

class Executor {
 public:
  using Work = std::move_only_function<void()>;

  virtual ~Executor() = default;
  // Runs `work` on this executor's thread, in the order of posting. Safe on any thread.
  virtual void post(Work work) = 0;
  // Runs `work` once, not before `delay` has passed, at the wheel's coarse resolution. On the
  // executor's own thread only.
  virtual void run_after(Millis delay, Work work) = 0;
  // Runs `work` on this thread when what is at hand is done, before anything is written to sockets:
  // for what is better done once for all that a tick brought. On the executor's own thread only.
  virtual void at_tick_end(Work work) { post(std::move(work)); }
  [[nodiscard]] virtual MonoTime now() const = 0;

  // The executor whose thread this is, or nullptr on a thread that has none.
  [[nodiscard]] static Executor* current() noexcept;

 protected:
  static void set_current(Executor* executor) noexcept;
};

}  // namespace indaba
