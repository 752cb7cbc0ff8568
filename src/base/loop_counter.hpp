// LoopCounter: counted by one thread, read by any. Costs what a plain integer costs.
#pragma once

#include <atomic>
#include <cstdint>

namespace indaba {

class LoopCounter {
 public:
  // On the owner's thread alone: a load and a store, no locked instruction.
  void add(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  LoopCounter& operator++() noexcept {
    add(1);
    return *this;
  }
  [[nodiscard]] operator std::uint64_t() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace indaba
