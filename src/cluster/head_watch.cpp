#include "cluster/head_watch.hpp"

#include <algorithm>

namespace indaba::cluster {

bool HeadWatch::due(MonoTime now) {
  const auto since = now - looked_at_;
  // A database that took seconds once may be well again, and a node that does not look knows
  // nothing.
  if (since < std::clamp(took_ * 10, kLeast, took_ + kWithBus)) return false;
  if (requested_.exchange(false, std::memory_order_relaxed)) return true;
  if (parts_.bus_up()) return since >= kWithBus;
  return since >= (idle_ ? kIdle : kWithoutBus);
}

void HeadWatch::tick() {
  const auto began = parts_.clock.mono();
  if (looking_ || !due(began)) return;
  looking_ = true;
  looked_at_ = began;
  auto streams = parts_.hub.followed();
  idle_ = streams.size() <= 1;  // the one of ended access
  parts_.source.read_heads(std::move(streams),
                           [this, began](const Result<std::vector<stream::StreamHead>>& heads) {
                             on_heads(began, heads);
                           });
}

void HeadWatch::on_heads(MonoTime asked, const Result<std::vector<stream::StreamHead>>& heads) {
  looking_ = false;
  took_ = parts_.clock.mono() - asked;
  if (!heads) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    took_ = Millis(0);  // it is not we who burden it
    return;
  }
  looks_.fetch_add(1, std::memory_order_relaxed);
  compare(*heads);
  parts_.looked(asked, *heads);
}

void HeadWatch::compare(std::span<const stream::StreamHead> heads) {
  const auto look = looks_.load(std::memory_order_relaxed);
  std::vector<stream::StreamHead> moved;
  for (const auto& head : heads) {
    auto [it, fresh] = seen_.try_emplace(head.stream);
    auto& seen = it->second;
    seen.look = look;
    // One that is gone has another epoch, none: it is told once.
    // What was rewritten before the first look cannot be told from what was read before it.
    if (fresh || seen.rewrites != head.rewrites) parts_.hub.on_rewritten(head.stream);
    if (fresh || seen.head != head.state.head || seen.epoch != head.state.epoch)
      moved.push_back(head);
    seen.epoch = head.state.epoch;
    seen.head = head.state.head;
    seen.rewrites = head.rewrites;
  }
  std::erase_if(seen_, [look](const auto& item) { return item.second.look != look; });
  parts_.hub.on_heads(moved);
}

}  // namespace indaba::cluster
