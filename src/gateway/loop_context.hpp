// LoopContext: what all live readers of one loop share. One a loop, touched only there.
#pragma once

#include "gateway/access_holder.hpp"
#include "gateway/formats.hpp"
#include "gateway/frame_counts.hpp"
#include "gateway/heartbeat.hpp"
#include "gateway/save_queue.hpp"
#include "gateway/settings.hpp"
#include "net/loop.hpp"
#include "stream/local_hub.hpp"
#include "ws/deflate.hpp"

#include <atomic>
#include <unordered_set>
#include <vector>

namespace indaba::gateway {

class LoopContext {
 public:
  LoopContext(net::Loop& event_loop, stream::LocalHub& local_hub, const SocketSettings& initial)
      : loop(event_loop),
        hub(local_hub),
        settings(initial),
        save_queue(event_loop),
        deflated(deflater) {}
  LoopContext(const LoopContext&) = delete;
  LoopContext& operator=(const LoopContext&) = delete;

  net::Loop& loop;
  stream::LocalHub& hub;
  // Its address outlives every reader: open connections point into it, and see what changes.
  SocketSettings settings;
  SaveQueue save_queue;
  Heartbeat heartbeat;
  ws::Deflater deflater;
  ws::Inflater inflater;
  TextFormat text;
  DeflatedFormat deflated;
  SseFormat sse;
  JsonFormat json;
  FrameCounts frames_in;
  FrameCounts frames_out;

  void add(AccessHolder& holder) { holders_.insert(&holder); }
  void remove(AccessHolder& holder) noexcept { holders_.erase(&holder); }
  [[nodiscard]] bool holds(AccessHolder& holder) const { return holders_.contains(&holder); }
  [[nodiscard]] std::size_t holders() const noexcept { return holders_.size(); }

  // Any thread: the readers hear of the change behind what the same tick delivers, so that who is
  // removed still hears that they are.
  void announce(const api::AccessChange& change) {
    ++changes_coming_;
    loop.post([this, change] {
      loop.at_tick_end([this, change] {
        each([&](AccessHolder& holder) { holder.on_access_change(change); });
        --changes_coming_;
      });
    });
  }
  // A change is committed that the readers have not heard of yet. Whoever made it may have its
  // answer, and use it, before they do.
  [[nodiscard]] bool changes_coming() const noexcept { return changes_coming_ > 0; }
  template <class F>
  void each(F visit) {
    // A holder may leave meanwhile.
    const auto now = std::vector<AccessHolder*>(holders_.begin(), holders_.end());
    for (auto* holder : now)
      if (holders_.contains(holder)) visit(*holder);
  }

 private:
  std::unordered_set<AccessHolder*> holders_;
  std::atomic<int> changes_coming_{0};
};

}  // namespace indaba::gateway
