// LocalHub: how events reach readers: live ones in batches, those behind from the tail or by pages.
#include "base/check.hpp"
#include "stream/local_hub.hpp"

namespace indaba::stream {

namespace {

// What one reader takes at a time: about an outbox full, so that little is read in vain when it
// cannot take all.
constexpr PageLimit kPage{256, 64 * 1024};

}  // namespace

// --- moving on
// ------------------------------------------------------------------------------------------------------------------

void LocalHub::resume(Subscription& subscription) {
  if (subscription.state_ == Subscription::State::waiting) pump(subscription);
}

void LocalHub::pump(Subscription& subscription) {
  auto& stream = subscription.stream_;
  for (;;) {
    if (!subscription.reader_.can_take()) {
      subscription.state_ = Subscription::State::waiting;
      return;
    }
    if (!stream.durable || subscription.position_ >= stream.state.head)
      return make_live(subscription);
    Rendering* next = stream.tail.find(subscription.position_.next());
    if (next == nullptr) return read_page(subscription);
    ++counters_.from_tail;
    deliver(subscription, *next);
  }
}

void LocalHub::read_page(Subscription& subscription) {
  subscription.state_ = Subscription::State::reading;
  const auto generation = subscription.stream_.generation;
  store_.read_after(subscription.stream_.id, subscription.position_, kPage,
                    [alive = std::weak_ptr(alive_), ticket = ticket(subscription),
                     generation](Result<Page> page) {
                      const auto hub = alive.lock();
                      if (!hub) return;
                      auto* found = (*hub)->find(ticket);
                      // It may have been told in the meantime that the stream is gone.
                      if (found != nullptr && found->state_ == Subscription::State::reading)
                        (*hub)->on_page(*found, generation, std::move(page));
                    });
}

void LocalHub::read_page_later(const Subscription& subscription) {
  executor_.run_after(kRetryStore, [alive = std::weak_ptr(alive_), ticket = ticket(subscription)] {
    const auto hub = alive.lock();
    if (!hub) return;
    auto* found = (*hub)->find(ticket);
    if (found != nullptr && found->state_ == Subscription::State::reading) (*hub)->pump(*found);
  });
}

void LocalHub::on_page(Subscription& subscription, std::uint32_t generation, Result<Page> page) {
  auto& stream = subscription.stream_;
  if (generation != stream.generation)
    return pump(subscription);  // the page of an epoch that is over
  if (!page) {
    if (page.error().kind == ErrorKind::not_found) return end(stream);
    return read_page_later(subscription);
  }
  if (learn(stream, page->state)) return pump(subscription);
  if (subscription.position_.next() < page->state.oldest) {
    reset(subscription, ResetReason::expired, stream.state);
    return pump(subscription);
  }
  // A store that does not see yet what we have heard of.
  if (page->events.empty()) return read_page_later(subscription);
  for (auto& event : page->events) {
    if (!subscription.reader_.can_take()) break;
    check(event->seq == subscription.position_.next(), "a page of the log has no hole");
    Rendering rendering(std::move(event));
    ++counters_.from_store;
    deliver(subscription, rendering);
  }
  pump(subscription);
}

void LocalHub::reset(Subscription& subscription, ResetReason reason, const StreamState& state) {
  subscription.position_ = state.head;
  ++counters_.resets;
  subscription.reader_.on_reset(subscription, reason, state);
}

void LocalHub::deliver(Subscription& subscription, Rendering& event) {
  subscription.position_ = event.event().seq;
  ++counters_.delivered;
  subscription.reader_.on_event(subscription, event);
}

void LocalHub::deliver(Subscription& subscription, Batch& batch) {
  if (batch.last() != Seq{}) subscription.position_ = batch.last();
  counters_.delivered.add(batch.size());
  subscription.reader_.on_batch(subscription, batch);
}

void LocalHub::make_live(Subscription& subscription) {
  auto& live = subscription.stream_.live;
  subscription.state_ = Subscription::State::live;
  subscription.live_index_ = static_cast<std::uint32_t>(live.size());
  live.push_back(&subscription);
  subscription.reader_.on_live(subscription);
}

void LocalHub::leave_live(Subscription& subscription) noexcept {
  auto& live = subscription.stream_.live;
  live.back()->live_index_ = subscription.live_index_;
  live[subscription.live_index_] = live.back();
  live.pop_back();
  subscription.state_ = Subscription::State::waiting;
}

// --- what comes from the hub
// ----------------------------------------------------------------------------------------------------

void LocalHub::on_committed(const EventPtr& event) {
  const auto found = streams_.find(event->stream);
  if (found == streams_.end()) return;
  auto& stream = *found->second;
  // What comes late, after the tail was forgotten, may have been rewritten since: nobody who
  // catches up gets it from memory.
  const bool late = stream.tail.empty() && event->seq <= stream.state.head;
  auto rendering = late ? std::make_shared<Rendering>(event) : stream.tail.add(event);
  stream.state.head = std::max(stream.state.head, event->seq);
  if (rendering != nullptr) deliver_at_tick_end(stream, std::move(rendering));
}

void LocalHub::on_ephemeral(const EventPtr& event) {
  const auto found = streams_.find(event->stream);
  if (found == streams_.end()) return;
  deliver_at_tick_end(*found->second, std::make_shared<Rendering>(event));
}

void LocalHub::deliver_at_tick_end(LocalStream& stream, std::shared_ptr<Rendering> event) {
  if (stream.live.empty()) return;  // who begins later begins behind what is durable
  if (due_.empty())
    executor_.at_tick_end([alive = std::weak_ptr(alive_)] {
      if (const auto hub = alive.lock()) (*hub)->deliver_pending();
    });
  if (stream.pending.empty()) due_.push_back(&stream);
  stream.pending.push_back(std::move(event));
}

void LocalHub::deliver_pending() {
  // None of them is gone: with readers at the beginning of this tick, it lingers.
  for (auto* stream : due_) deliver_pending(*stream);
  due_.clear();
}

void LocalHub::deliver_pending(LocalStream& stream) {
  const auto pending = std::exchange(stream.pending, {});
  Batch batch;
  for (const auto& event : pending) {
    if (batch.add(event)) continue;
    deliver_live(stream, batch);
    batch = Batch();
    (void)batch.add(event);
  }
  if (!batch.empty()) deliver_live(stream, batch);
}

void LocalHub::deliver_live(LocalStream& stream, Batch& batch) {
  if (batch.except()) return deliver_but_to_one(stream, batch);
  batch.set_alone(due_.size() == 1);
  for (std::size_t i = 0; i < stream.live.size();) {
    Subscription& subscription = *stream.live[i];
    if (subscription.takes_batches_ && batch.follows(subscription.position_) &&
        subscription.reader_.can_take()) {
      deliver(subscription, batch);
      ++i;
    } else if (deliver_singly(subscription, batch)) {
      ++i;
    }  // else the last one of the array has taken its place
  }
}

// Such a batch is one ephemeral event: nobody's position moves, and nobody stops being live.
void LocalHub::deliver_but_to_one(LocalStream& stream, Batch& batch) {
  for (auto* subscription : stream.live)
    if (subscription->reader_.user() != batch.except()) (void)deliver_singly(*subscription, batch);
}

bool LocalHub::deliver_singly(Subscription& subscription, Batch& batch) {
  for (const auto& event : batch.events()) {
    const Seq seq = event->event().seq;
    const bool can_take = subscription.reader_.can_take();
    if (seq == Seq{}) {
      if (!can_take) continue;
      ++counters_.delivered;
      subscription.reader_.on_event(subscription, *event);
    } else if (subscription.position_ >= seq) {
      continue;  // it came by a page before we heard of it
    } else if (subscription.position_.next() == seq && can_take) {
      deliver(subscription, *event);
    } else {
      // Too slow, or something before this one was lost on the way to us: from now on it reads the
      // log.
      leave_live(subscription);
      if (can_take)
        read_page(subscription);
      else
        ++counters_.slow;
      return false;
    }
  }
  return true;
}

}  // namespace indaba::stream
