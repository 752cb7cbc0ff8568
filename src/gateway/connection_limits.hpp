// ConnectionLimits: how many sockets and event streams an address, a user and the process may have.
// An IPv6 address counts by its /64, as everywhere. Any thread.
#pragma once

#include "base/ids.hpp"
#include "base/live.hpp"
#include "base/result.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace indaba::gateway {

struct ConnectionLimitSettings {
  Live<bool> enabled = true;  // rate_limits.enabled; the total always counts
  Live<int> per_user = 20;
  Live<int> per_address = 200;
  Live<int> total = 15'000;
};

class ConnectionLimits {
 public:
  explicit ConnectionLimits(const ConnectionLimitSettings& settings) : settings_(settings) {}
  // Counts from now on. Who has a place keeps it.
  void change(const ConnectionLimitSettings& settings) { settings_ = settings; }

  // A place that is given back when the last holder of it goes.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept { swap(other); }
    Place& operator=(Place&& other) noexcept {
      swap(other);
      return *this;
    }
    ~Place();

   private:
    friend class ConnectionLimits;
    void swap(Place& other) noexcept {
      std::swap(limits_, other.limits_);
      std::swap(address_, other.address_);
      std::swap(user_, other.user_);
    }
    ConnectionLimits* limits_ = nullptr;
    std::pair<const std::string, int>* address_ = nullptr;  // the counter; it stays where it is
    UserId user_;
  };

  enum class Refusal : unsigned char { none, address, full };
  // At the handshake, before anything is known of the user.
  [[nodiscard]] Refusal take(std::string_view address, Place& place);
  // Then, when the user is known. False where they have too many.
  [[nodiscard]] bool take_user(UserId user, Place& place);

  // What whoever had no place is told. A connection may end at any moment: the time is a guess.
  [[nodiscard]] Error too_many_of_address() const;
  [[nodiscard]] Error too_many_of_user() const;

  [[nodiscard]] int total() const noexcept { return total_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t users() const;

 private:
  ConnectionLimitSettings settings_;
  std::atomic<int> total_{0};
  mutable std::mutex mutex_;
  std::unordered_map<std::string, int> by_address_;
  std::unordered_map<UserId, int> by_user_;
};

}  // namespace indaba::gateway
