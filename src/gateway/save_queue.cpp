#include "gateway/save_queue.hpp"

#include "gateway/session.hpp"

#include <algorithm>

namespace indaba::gateway {

namespace {

// A subscription is often followed by the next: one save serves them all.
constexpr Millis kFirst{500};
constexpr Millis kNext{100};
constexpr std::size_t kAtOnce = 64;  // or a share of what waits, so that no backlog ages

}  // namespace

void SaveQueue::add(std::weak_ptr<Session> session) {
  if (waiting_.empty()) loop_.run_after(kFirst, [this] { save_some(); });
  waiting_.push_back(std::move(session));
}

void SaveQueue::save_some() {
  const auto end =
      std::min(next_ + std::max(kAtOnce, (waiting_.size() - next_) / 64), waiting_.size());
  for (; next_ < end; ++next_) {
    const auto session = std::exchange(waiting_[next_], {}).lock();
    if (session && !session->closed()) session->save();
  }
  if (next_ < waiting_.size()) {
    if (next_ * 2 >= waiting_.size()) {  // it may never run empty
      waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(next_));
      next_ = 0;
    }
    return loop_.run_after(kNext, [this] { save_some(); });
  }
  std::vector<std::weak_ptr<Session>>().swap(waiting_);
  next_ = 0;
}

}  // namespace indaba::gateway
