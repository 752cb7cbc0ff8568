#include "gateway/connection_limits.hpp"

#include "api/rate_limit.hpp"

namespace indaba::gateway {

namespace {

constexpr Millis kComeAgain{30'000};

}  // namespace

ConnectionLimits::Place::~Place() {
  if (limits_ == nullptr) return;
  limits_->total_.fetch_sub(1, std::memory_order_relaxed);
  const std::scoped_lock lock(limits_->mutex_);
  if (--address_->second == 0)
    limits_->by_address_.erase(limits_->by_address_.find(address_->first));
  if (!user_) return;
  const auto of_user = limits_->by_user_.find(user_);
  if (of_user != limits_->by_user_.end() && --of_user->second == 0)
    limits_->by_user_.erase(of_user);
}

ConnectionLimits::Refusal ConnectionLimits::take(std::string_view address, Place& place) {
  if (total_.fetch_add(1, std::memory_order_relaxed) >= settings_.total) {
    total_.fetch_sub(1, std::memory_order_relaxed);
    return Refusal::full;
  }
  const std::scoped_lock lock(mutex_);
  const auto counter = by_address_.try_emplace(api::rate_key_of_address(address)).first;
  if (settings_.enabled && counter->second >= settings_.per_address) {
    total_.fetch_sub(1, std::memory_order_relaxed);
    if (counter->second == 0) by_address_.erase(counter);
    return Refusal::address;
  }
  ++counter->second;
  place.limits_ = this;
  place.address_ = &*counter;
  return Refusal::none;
}

bool ConnectionLimits::take_user(UserId user, Place& place) {
  const std::scoped_lock lock(mutex_);
  int& count = by_user_[user];
  if (settings_.enabled && count >= settings_.per_user) {
    if (count == 0) by_user_.erase(user);
    return false;
  }
  ++count;
  place.user_ = user;
  return true;
}

std::size_t ConnectionLimits::users() const {
  const std::scoped_lock lock(mutex_);
  return by_user_.size();
}

Error ConnectionLimits::too_many_of_address() const {
  return Error::rate_limited("Too many connections from this address.", settings_.per_address,
                             kComeAgain);
}

Error ConnectionLimits::too_many_of_user() const {
  return Error::rate_limited("Too many connections of this user.", settings_.per_user, kComeAgain);
}

}  // namespace indaba::gateway
