// LocalHub: who follows what, and how streams begin and end on a loop. How events reach readers is
// in local_hub_delivery.cpp.
#include "stream/local_hub.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace indaba::stream {

std::string_view to_string(ResetReason reason) noexcept {
  switch (reason) {
    case ResetReason::expired:
      return "expired";
    case ResetReason::epoch_changed:
      return "epoch_changed";
    case ResetReason::ahead:
      return "ahead";
  }
  return "expired";
}

Subscription::~Subscription() {
  hub_.unsubscribe(*this);
}
StreamId Subscription::stream() const noexcept {
  return stream_.id;
}
std::string_view Subscription::name() const noexcept {
  return stream_.names[name_];
}
bool Subscription::durable() const noexcept {
  return stream_.durable;
}
Seq Subscription::head() const noexcept {
  return stream_.state.head;
}
const std::string& Subscription::epoch() const noexcept {
  return stream_.state.epoch;
}

LocalHub::LocalHub(int index, Executor& executor, Store& store, Attachments& attachments)
    : index_(index),
      executor_(executor),
      store_(store),
      attachments_(attachments),
      alive_(std::make_shared<LocalHub*>(this)) {}

LocalHub::~LocalHub() {
  check(subscriptions() == 0, "every subscription ends before its hub");
}

// --- who follows what
// -----------------------------------------------------------------------------------------------------------

std::unique_ptr<Subscription> LocalHub::subscribe(Reader& reader, StreamId id,
                                                  std::string_view name, bool durable) {
  auto& stream = streams_[id];
  if (!stream) {
    stream = std::make_unique<LocalStream>();
    stream->id = id;
    stream->durable = durable;
    stream->generation = ++generations_;
    // Before the state is read: what commits between the two must not fall into a gap.
    attachments_.attach(id, index_);
  }
  std::unique_ptr<Subscription> subscription(new Subscription(*this, *stream, reader));
  const auto known = std::find(stream->names.begin(), stream->names.end(), name);
  subscription->name_ = static_cast<std::uint16_t>(known - stream->names.begin());
  if (known == stream->names.end()) stream->names.emplace_back(name);
  ++stream->subscriptions;

  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  subscription->slot_ = free_slots_.back();
  free_slots_.pop_back();
  slots_[subscription->slot_].subscription = subscription.get();
  count_now();
  return subscription;
}

void LocalHub::count_now() noexcept {
  counters_.streams.set(streams_.size());
  counters_.subscriptions.set(subscriptions());
}

void LocalHub::unsubscribe(Subscription& subscription) noexcept {
  if (subscription.state_ == Subscription::State::live) leave_live(subscription);
  auto& slot = slots_[subscription.slot_];
  slot.subscription = nullptr;
  ++slot.generation;
  free_slots_.push_back(subscription.slot_);
  auto& stream = subscription.stream_;
  if (--stream.subscriptions == 0) stream.unused_since = executor_.now();
  count_now();
}

SubscriptionTicket LocalHub::ticket(const Subscription& subscription) const noexcept {
  return {subscription.slot_, slots_[subscription.slot_].generation};
}

Subscription* LocalHub::find(SubscriptionTicket ticket) const noexcept {
  const auto& slot = slots_[ticket.slot];
  return slot.generation == ticket.generation ? slot.subscription : nullptr;
}

void LocalHub::sweep() {
  for (auto it = streams_.begin(); it != streams_.end();) {
    const auto& stream = *it->second;
    if (stream.subscriptions == 0 && executor_.now() - stream.unused_since > kLinger) {
      attachments_.detach(stream.id, index_);
      it = streams_.erase(it);
    } else {
      ++it;
    }
  }
  count_now();
}

// --- beginning
// ------------------------------------------------------------------------------------------------------------------

void LocalHub::start(Subscription& subscription, const Start& start) {
  auto& stream = subscription.stream_;
  if (stream.known) return begin(subscription, start, false);
  when_known(subscription, start);
}

void LocalHub::when_known(Subscription& subscription, const Start& start) {
  auto& stream = subscription.stream_;
  stream.starting.push_back({ticket(subscription), start, false});
  if (!stream.reading) read_state(stream);
}

void LocalHub::read_state(LocalStream& stream) {
  stream.reading = true;
  for (auto& waiting : stream.starting) waiting.fresh = true;
  store_.read_after(stream.id, kMaxSeq, PageLimit{0, 0},
                    [alive = std::weak_ptr(alive_), id = stream.id,
                     generation = stream.generation](Result<Page> page) {
                      if (const auto hub = alive.lock())
                        (*hub)->on_state(id, generation, std::move(page));
                    });
}

void LocalHub::on_state(StreamId id, std::uint32_t generation, Result<Page> page) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  auto& stream = *found->second;
  stream.reading = false;
  // Whoever waited may have left: while the store is down, that is how many come and go.
  std::erase_if(stream.starting,
                [this](const auto& waiting) { return find(waiting.ticket) == nullptr; });
  if (stream.starting.empty()) return;
  if (generation != stream.generation) return read_state(stream);
  if (!page) {
    if (page.error().kind == ErrorKind::not_found) return end(stream);
    stream.reading = true;  // in a moment; who comes until then waits for the same answer
    executor_.run_after(kRetryStore, [alive = std::weak_ptr(alive_), id] {
      const auto hub = alive.lock();
      if (!hub) return;
      const auto again = (*hub)->streams_.find(id);
      if (again != (*hub)->streams_.end()) (*hub)->read_state(*again->second);
    });
    return;
  }
  learn(stream, page->state);
  const auto starting = std::exchange(stream.starting, {});
  for (const auto& waiting : starting)
    if (auto* subscription = find(waiting.ticket))
      begin(*subscription, waiting.start, waiting.fresh);
}

bool LocalHub::learn(LocalStream& stream, const StreamState& state) {
  const bool another = stream.known && stream.state.epoch != state.epoch;
  const auto before = std::exchange(stream.state, state);
  stream.known = true;
  if (another) {
    begin_epoch(stream);
  } else {
    // What we heard while the store was read is newer than what it found.
    stream.state.head = std::max(before.head, state.head);
    stream.state.oldest = std::max(before.oldest, state.oldest);
    stream.tail.trim(stream.state.oldest);
  }
  return another;
}

void LocalHub::begin_epoch(LocalStream& stream) {
  stream.generation = ++generations_;
  stream.tail.clear();
  stream.pending.clear();
  for (const auto& slot : slots_) {
    Subscription* subscription = slot.subscription;
    if (subscription == nullptr || &subscription->stream_ != &stream) continue;
    if (subscription->started() && subscription->state_ != Subscription::State::gone)
      reset(*subscription, ResetReason::epoch_changed, stream.state);
  }
}

void LocalHub::begin(Subscription& subscription, const Start& start, bool fresh) {
  auto& stream = subscription.stream_;
  const auto& state = stream.state;
  std::optional<ResetReason> gone;
  subscription.position_ = state.head;
  if (stream.durable && start.since) {
    if (!start.epoch.empty() && start.epoch != state.epoch)
      gone = ResetReason::epoch_changed;
    else if (*start.since > state.head)
      gone = ResetReason::ahead;
    else if (start.since->next() < state.oldest)
      gone = ResetReason::expired;
    else
      subscription.position_ = *start.since;
  } else if (stream.durable && start.last > 0) {
    const Seq wanted(state.head.value - static_cast<std::int64_t>(start.last));
    subscription.position_ = std::max(wanted, Seq(state.oldest.value - 1));
  }
  // What we know may be a moment old: a reader that has been told a newer seq elsewhere is not
  // "ahead".
  if (!fresh && (gone || (start.confirm && stream.durable && may_be_behind(stream))))
    return when_known(subscription, start);

  subscription.state_ = Subscription::State::waiting;
  subscription.reader_.on_subscribed(subscription, state, subscription.position_);
  if (gone) {
    ++counters_.resets;
    subscription.reader_.on_reset(subscription, *gone, state);
  }
  pump(subscription);
}

bool LocalHub::may_be_behind(const LocalStream& stream) const {
  const auto settled = attachments_.settled_head(stream.id);
  return !settled || *settled > stream.state.head;
}

// --- news of a stream
// --------------------------------------------------------------------------------------------------------

void LocalHub::on_trimmed(StreamId id, Seq oldest) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  auto& state = found->second->state;
  state.oldest = std::max(state.oldest, oldest);
  // What is gone has been there, also where nobody told us of it.
  state.head = std::max(state.head, Seq(oldest.value - 1));
  found->second->tail.trim(oldest);
}

void LocalHub::on_rewritten(StreamId id) {
  const auto found = streams_.find(id);
  if (found != streams_.end()) found->second->tail.clear();
}

void LocalHub::on_heads(std::span<const StreamHead> heads) {
  std::int64_t behind = 0;
  for (const auto& head : heads) {
    if (head.gone)
      on_closed(head.stream);
    else
      behind += on_head(head.stream, head.state);
  }
  counters_.behind.set(static_cast<std::uint64_t>(behind));
}

std::int64_t LocalHub::on_head(StreamId id, const StreamState& state) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return 0;
  auto& stream = *found->second;
  if (!stream.known) {
    // It is being read anyway; but what is found may be older than this, and nobody tells us twice.
    stream.state.head = std::max(stream.state.head, state.head);
    return 0;
  }
  const auto known = stream.state.head;
  const bool another = learn(stream, state);
  const Seq head = stream.state.head;
  // Also where the head is known already: another reader's page may have told it, and nobody told
  // the live ones.
  for (std::size_t i = 0; i < stream.live.size();) {
    Subscription& subscription = *stream.live[i];
    if (!stream.durable || subscription.position_ >= head) {
      ++i;
      continue;
    }
    leave_live(subscription);  // the last one takes its place
    pump(subscription);
  }
  return another ? 0 : std::max<std::int64_t>(0, head.value - known.value);
}

void LocalHub::on_closed(StreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  deliver_pending(*found->second);  // its last words
  end(*found->second);
}

void LocalHub::end(LocalStream& stream) {
  stream.known = false;
  stream.generation = ++generations_;
  stream.tail.clear();
  stream.pending.clear();
  stream.starting.clear();
  stream.live.clear();
  for (const auto& slot : slots_) {
    Subscription* subscription = slot.subscription;
    if (subscription == nullptr || &subscription->stream_ != &stream ||
        subscription->state_ == Subscription::State::gone)
      continue;
    subscription->state_ = Subscription::State::gone;
    subscription->reader_.on_gone(*subscription);
  }
}

}  // namespace indaba::stream
