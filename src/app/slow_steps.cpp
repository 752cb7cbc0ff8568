#include "app/slow_steps.hpp"

#include <utility>

namespace indaba::app {

SlowSteps::SlowSteps(Logger& log, const Clock& clock, std::string message, Millis longer,
                     std::function<void()> look)
    : log_(log),
      clock_(clock),
      message_(std::move(message)),
      longer_(longer),
      look_(std::move(look)),
      thread_([this] { watch(); }) {}

SlowSteps::~SlowSteps() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void SlowSteps::begin(std::string what) {
  const std::lock_guard lock(mutex_);
  what_ = std::move(what);
  since_ = clock_.mono();
}

void SlowSteps::watch() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLook, [this] { return over_; })) {
    tell();
    if (!look_) continue;
    lock.unlock();
    look_();
    lock.lock();
  }
}

void SlowSteps::tell() {
  if (what_.empty() || clock_.mono() - since_ < longer_) return;
  log_.warn("app", message_, {{"for", what_}});
  what_.clear();
}

}  // namespace indaba::app
