#include "gateway/connection_limits.hpp"

#include "api/rate_limit.hpp"

namespace indaba::gateway {

namespace {

template <class Map, class Key>
void give_back(Map& map, const Key& key) {
  const auto found = map.find(key);
  if (found != map.end() && --found->second == 0) map.erase(found);
}

}  // namespace

ConnectionLimits::Place::~Place() {
  if (limits_ == nullptr) return;
  limits_->total_.fetch_sub(1, std::memory_order_relaxed);
  const std::scoped_lock lock(limits_->mutex_);
  give_back(limits_->by_address_, address_);
  if (user_) give_back(limits_->by_user_, user_);
}

ConnectionLimits::Refusal ConnectionLimits::take(std::string_view address, Place& place) {
  if (total_.fetch_add(1, std::memory_order_relaxed) >= settings_.total) {
    total_.fetch_sub(1, std::memory_order_relaxed);
    return Refusal::full;
  }
  auto customer = api::rate_key_of_address(address);
  const std::scoped_lock lock(mutex_);
  int& count = by_address_[customer];
  if (settings_.enabled && count >= settings_.per_address) {
    total_.fetch_sub(1, std::memory_order_relaxed);
    if (count == 0) by_address_.erase(customer);
    return Refusal::address;
  }
  ++count;
  place.limits_ = this;
  place.address_ = std::move(customer);
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

}  // namespace indaba::gateway
