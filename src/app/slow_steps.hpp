// SlowSteps: says in the log what the start or the end of a process waits for, once a step, when
// that takes long.
//
// A thread of its own, since the one that starts and ends the program is the one that waits.
// begin() on one thread.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace indaba::app {

class SlowSteps {
 public:
  static constexpr Millis kLook{50};

  // `message` is of the log ("the start waits"), and told of a step that takes `longer`. `look` is
  // called on the own thread, every 50 ms. All outlive this.
  SlowSteps(Logger& log, const Clock& clock, std::string message, Millis longer,
            std::function<void()> look = {});
  ~SlowSteps();
  SlowSteps(const SlowSteps&) = delete;
  SlowSteps& operator=(const SlowSteps&) = delete;

  // From now on it waits for this, until the next step begins or this ends.
  void begin(std::string what);

 private:
  void watch();
  void tell();

  Logger& log_;
  const Clock& clock_;
  const std::string message_;
  const Millis longer_;
  const std::function<void()> look_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Under mutex_:
  bool over_ = false;
  std::string what_;  // empty: told, or nothing
  MonoTime since_{};
  std::thread thread_;
};

}  // namespace indaba::app
