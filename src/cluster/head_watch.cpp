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
  return since >= (idle() ? kIdle : kWithoutBus);
}

// Whoever has come since the last look does not wait for the next one.
bool HeadWatch::idle() {
  idle_ = idle_ && parts_.hub.followed().size() <= 1;  // the one of ended access
  return idle_;
}

void HeadWatch::tick() {
  const auto began = parts_.clock.mono();
  if (looking_ || !due(began)) return;
  looking_ = true;
  looked_at_ = began;
  std::vector<std::int64_t> streams;
  for (const auto& [stream, heard, found_short] : parts_.hub.followed()) {
    streams.push_back(stream.value);
    const auto seen = seen_.find(stream);
    if (seen == seen_.end()) continue;
    seen->second.heard = heard;
    seen->second.found_short = found_short;
  }
  idle_ = streams.size() <= 1;
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
    if (!fresh) note_lost(seen, head);
    // One that is gone has another epoch, none: it is told once.
    // What was rewritten before the first look cannot be told from what was read before it.
    if (fresh || seen.rewrites != head.rewrites) parts_.hub.on_rewritten(head.stream);
    if (fresh || seen.head != head.state.head || seen.oldest != head.state.oldest ||
        seen.epoch != head.state.epoch)
      moved.push_back(head);
    seen.epoch = head.state.epoch;
    seen.head = head.state.head;
    seen.oldest = head.state.oldest;
    seen.rewrites = head.rewrites;
  }
  std::erase_if(seen_, [look](const auto& item) { return item.second.look != look; });
  parts_.hub.on_heads(moved);
  begin_epochs();
}

void HeadWatch::note_lost(Seen& seen, const stream::StreamHead& head) {
  if (seen.epoch != head.state.epoch) {
    parts_.hub.forget_heard(head.stream);
    seen.lost = false;
    return;
  }
  const Seq known = std::max(seen.head, seen.heard);
  if (head.gone || seen.lost || (head.state.head >= known && !seen.found_short)) return;
  seen.lost = true;
  parts_.log.error("cluster",
                   "the database has lost events that were acknowledged, as in a failover to a "
                   "standby that had not everything; the stream begins another epoch",
                   {{"stream", std::to_string(head.stream.value)},
                    {"known", std::to_string(known.value)},
                    {"head", std::to_string(head.state.head.value)}});
}

// Asked for again, look by look, until it is found in the log.
void HeadWatch::begin_epochs() {
  if (beginning_) return;
  std::vector<stream::LostEpoch> lost;
  for (const auto& [stream, seen] : seen_)
    if (seen.lost) lost.push_back({stream, seen.epoch});
  if (lost.empty()) return;
  beginning_ = true;
  parts_.source.begin_epochs(std::move(lost), [this](const Result<void>& begun) {
    beginning_ = false;
    if (begun) return request();
    parts_.log.warn("cluster", "no other epoch could be begun; it is tried again",
                    {{"why", begun.error().log}});
  });
}

}  // namespace indaba::cluster
