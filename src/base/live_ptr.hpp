// LivePtr: something larger that an operator may replace while others read it. Any thread: who
// loaded it keeps it as long as needed.
//
// A mutex, and not std::atomic<std::shared_ptr>: libstdc++ 12 unlocks its load with a relaxed
// store, and ThreadSanitizer is right to object.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace indaba {

template <class T>
class LivePtr {
 public:
  LivePtr() = default;
  explicit LivePtr(std::shared_ptr<T> value) : value_(std::move(value)) {}

  [[nodiscard]] std::shared_ptr<T> load() const {
    const std::scoped_lock lock(mutex_);
    return value_;
  }
  void store(std::shared_ptr<T> value) {
    const std::scoped_lock lock(mutex_);
    value_.swap(value);  // the old one goes after the lock
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<T> value_;
};

}  // namespace indaba
