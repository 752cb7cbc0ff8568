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
  for (auto left = std::max(kAtOnce, waiting_.size() / 64); left > 0 && !waiting_.empty(); --left) {
    const auto session = waiting_.front().lock();
    waiting_.pop_front();
    if (session && !session->closed()) session->save();
  }
  if (!waiting_.empty()) loop_.run_after(kNext, [this] { save_some(); });
}

}  // namespace indaba::gateway
