#include "gateway/live_subscriptions.hpp"

#include <algorithm>

namespace indaba::gateway {

namespace {

template <class Predicate>
LiveSubscription* find_in(std::vector<LiveSubscription>& all, Predicate matches) noexcept {
  const auto found = std::find_if(all.begin(), all.end(), matches);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

LiveSubscription* LiveSubscriptions::find(StreamId stream) noexcept {
  return find_in(all_, [&](const auto& s) { return s.subscription->stream() == stream; });
}

LiveSubscription* LiveSubscriptions::find(const stream::Subscription& subscription) noexcept {
  return find_in(all_, [&](const auto& s) { return s.subscription.get() == &subscription; });
}

LiveSubscription* LiveSubscriptions::find(std::string_view name) noexcept {
  return find_in(all_, [&](const auto& s) { return s.subscription->name() == name; });
}

LiveSubscription& LiveSubscriptions::add(LiveSubscription subscription) {
  return all_.emplace_back(std::move(subscription));
}

void LiveSubscriptions::remove(const LiveSubscription& subscription) {
  all_.erase(all_.begin() + (&subscription - all_.data()));
}

void LiveSubscriptions::on_ping_written() noexcept {
  for (auto& s : all_) s.pinged = s.subscription->position();
}

bool LiveSubscriptions::on_pong() noexcept {
  bool moved = false;
  for (auto& s : all_) {
    moved |= s.pinged > s.confirmed;
    s.confirmed = std::max(s.confirmed, s.pinged);
  }
  return moved;
}

std::vector<SavedPosition> LiveSubscriptions::positions() const {
  std::vector<SavedPosition> out;
  out.reserve(all_.size());
  for (const auto& s : all_) {
    std::string name(s.subscription->name());
    if (s.subscription->started())
      out.push_back(
          {std::move(name), s.acked == Seq{} ? s.confirmed : s.acked, s.subscription->epoch()});
    else if (s.start.since)  // its stream could not be read yet: the position is what it was
      out.push_back({std::move(name), *s.start.since, s.start.epoch});
  }
  return out;
}

}  // namespace indaba::gateway
