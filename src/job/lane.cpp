#include "job/lane.hpp"

#include <algorithm>

namespace indaba::job {

namespace {

constexpr Millis kShort{50};    // what was waiting went faster: more is fetched
constexpr Millis kLong{1'000};  // slower: less

}  // namespace

Lane::Lane(std::vector<std::string> queues, int slots, int prefetch)
    : queues_(std::move(queues)), slots_(slots), least_(slots * prefetch), want_(least_) {}

bool Lane::wants_more(MonoTime now) const {
  const auto waiting = static_cast<int>(waiting_.size());
  return hopes_ && waiting <= want_ / 2 && want_ - waiting + free() > 0 && !stuck(now);
}

Wish Lane::wish() {
  Wish wish{.queues = queues_,
            .most = want_ - static_cast<int>(waiting_.size()) + std::max(free(), 0)};
  std::ranges::rotate(wish.queues,
                      wish.queues.begin() + static_cast<std::ptrdiff_t>(turn_++ % queues_.size()));
  hopes_ = false;
  return wish;
}

void Lane::took(std::vector<Claimed> taken, const Wish& wish, MonoTime asked) {
  const bool full = static_cast<int>(taken.size()) == wish.most;
  hopes_ = hopes_ || full;
  const auto since = asked - std::exchange(asked_at_, asked);
  if (full && since < kShort) want_ = std::min(want_ * 2, kMostWaiting);
  if (since > kLong) want_ = std::max(want_ / 2, least_);
  std::ranges::move(taken, std::back_inserter(waiting_));
}

std::optional<Claimed> Lane::next(MonoTime now) {
  if (waiting_.empty() || free() <= 0) return std::nullopt;
  auto claimed = std::move(waiting_.front());
  waiting_.pop_front();
  ++running_;
  moved_at_ = now;
  return claimed;
}

void Lane::ended(MonoTime now) {
  --running_;
  ++ended_;
  moved_at_ = now;
}

std::vector<Claimed> Lane::take_surplus(MonoTime now) {
  const auto length = std::chrono::duration_cast<Millis>(now - window_);
  if (length < kWindow) return {};
  const auto ended = std::exchange(ended_, 0);
  window_ = now;
  if (length > 2 * kWindow || free() > 0) return {};  // nobody looked for long, or nothing is full
  const auto a_second = static_cast<int>(ended * kWindow.count() / length.count());
  const auto keep = static_cast<std::size_t>(ended == 0 ? 0 : std::max(a_second, least_));
  if (waiting_.size() <= keep) return {};
  const auto from = waiting_.begin() + static_cast<std::ptrdiff_t>(keep);
  std::vector<Claimed> surplus(std::make_move_iterator(from),
                               std::make_move_iterator(waiting_.end()));
  waiting_.erase(from, waiting_.end());
  want_ = std::max(least_, static_cast<int>(keep));
  hopes_ = true;  // for when something ends
  return surplus;
}

bool Lane::stuck(MonoTime now) const {
  return free() <= 0 && now - moved_at_ >= kWindow;
}

std::optional<Claimed> Lane::take_back(JobId id) {
  const auto found = std::ranges::find(waiting_, id, &Claimed::id);
  if (found == waiting_.end()) return std::nullopt;
  auto claimed = std::move(*found);
  waiting_.erase(found);
  return claimed;
}

}  // namespace indaba::job
