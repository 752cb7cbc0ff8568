// Live: a setting that an operator may change while others read it. Any thread; costs what a plain
// number costs, and says nothing of the order of other writes.
#pragma once

#include <atomic>
#include <type_traits>

namespace indaba {

template <class T>
  requires std::is_arithmetic_v<T>
class Live {
  static_assert(std::atomic<T>::is_always_lock_free);

 public:
  constexpr Live(T value = {}) noexcept : value_(value) {}
  Live(const Live& other) noexcept : value_(other.get()) {}
  Live& operator=(const Live& other) noexcept { return *this = other.get(); }
  Live& operator=(T value) noexcept {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }
  ~Live() = default;

  [[nodiscard]] T get() const noexcept { return value_.load(std::memory_order_relaxed); }
  [[nodiscard]] operator T() const noexcept { return get(); }

 private:
  std::atomic<T> value_;
};

}  // namespace indaba
