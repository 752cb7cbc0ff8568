#include "gateway/live_subscriptions.hpp"

#include <algorithm>

namespace indaba::gateway {

namespace {

constexpr std::size_t kMostNames = 8;  // a stream has two or three, and one more for each renaming

template <class Predicate>
LiveSubscription* find_in(std::vector<LiveSubscription>& all, Predicate matches) noexcept {
  const auto found = std::find_if(all.begin(), all.end(), matches);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

bool LiveSubscription::had_name(std::string_view name) const noexcept {
  return other_names && std::ranges::find(*other_names, name) != other_names->end();
}

LiveSubscription* LiveSubscriptions::find(StreamId stream) noexcept {
  return find_in(all_, [&](const auto& s) { return s.subscription->stream() == stream; });
}

LiveSubscription* LiveSubscriptions::find(const stream::Subscription& subscription) noexcept {
  return find_in(all_, [&](const auto& s) { return s.subscription.get() == &subscription; });
}

LiveSubscription* LiveSubscriptions::find(std::string_view name) noexcept {
  auto* now = find_in(all_, [&](const auto& s) { return s.subscription->name() == name; });
  return now != nullptr ? now : find_in(all_, [&](const auto& s) { return s.had_name(name); });
}

LiveSubscription& LiveSubscriptions::add(LiveSubscription subscription) {
  for (const auto& s : all_)  // a name means who has it now
    if (s.other_names) std::erase(*s.other_names, subscription.subscription->name());
  return all_.emplace_back(std::move(subscription));
}

LiveSubscription& LiveSubscriptions::replace(const LiveSubscription& old,
                                             LiveSubscription subscription) {
  std::vector<std::string> names;
  if (old.other_names) names = *old.other_names;
  names.emplace_back(old.subscription->name());
  const auto now = subscription.subscription->name();
  std::erase_if(names, [&](const auto& name) { return name == now; });
  if (names.size() > kMostNames) names.erase(names.begin());
  if (!names.empty())
    subscription.other_names = std::make_unique<std::vector<std::string>>(std::move(names));
  remove(old);
  return add(std::move(subscription));
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
    if (!s.has_position()) continue;
    SavedPosition position{.stream = std::string(s.subscription->name()),
                           .seq = s.acked == Seq{} ? s.confirmed : s.acked,
                           .epoch = {},
                           .id = s.subscription->stream(),
                           .org = s.org};
    if (s.subscription->started()) {
      position.epoch = s.subscription->epoch();
    } else {
      // Its stream could not be read yet: the position is what it was.
      position.seq = *s.start.since;
      position.epoch = s.start.epoch;
    }
    out.push_back(std::move(position));
  }
  return out;
}

bool LiveSubscriptions::all_have_positions() const noexcept {
  return std::ranges::all_of(all_, [](const auto& s) { return s.has_position(); });
}

}  // namespace indaba::gateway
