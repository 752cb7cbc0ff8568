#include "stream/hub.hpp"

#include "base/check.hpp"

namespace indaba::stream {

LocalHub& Hub::add_loop(Executor& executor, Store& store) {
  check(locals_.size() < 64, "a process has at most 64 loops");
  locals_.push_back({&executor, std::make_unique<LocalHub>(static_cast<int>(locals_.size()),
                                                           executor, store, *this)});
  return *locals_.back().hub;
}

Hub::LoopMask Hub::followers(StreamId stream) {
  auto& [mutex, streams] = shard(stream);
  const std::scoped_lock lock(mutex);
  const auto found = streams.find(stream);
  return found == streams.end() ? 0 : found->second.loops;
}

void Hub::on_settled(StreamId stream, Seq head) {
  if (!sole_writer_) return;
  auto& [mutex, streams] = shard(stream);
  const std::scoped_lock lock(mutex);
  if (const auto found = streams.find(stream); found != streams.end()) found->second.settled = head;
}

void Hub::on_taken(StreamId stream, Seq head) {
  auto& [mutex, streams] = shard(stream);
  const std::scoped_lock lock(mutex);
  const auto found = streams.find(stream);
  if (found != streams.end() && head < found->second.heard) found->second.found_short = true;
}

std::optional<Seq> Hub::settled_head(StreamId stream) {
  if (!sole_writer_) return std::nullopt;
  auto& [mutex, streams] = shard(stream);
  const std::scoped_lock lock(mutex);
  const auto found = streams.find(stream);
  return found == streams.end() ? std::nullopt : std::optional(found->second.settled);
}

template <class F>
void Hub::on_each(LoopMask mask, F work) {
  for (std::size_t i = 0; i < locals_.size(); ++i)
    if ((mask & (LoopMask{1} << i)) != 0)
      locals_[i].executor->post([hub = locals_[i].hub.get(), work]() mutable { work(*hub); });
}

void Hub::on_committed(std::span<const EventPtr> events) {
  published_.fetch_add(events.size(), std::memory_order_relaxed);
  deliver(events);
}

void Hub::on_heard(std::span<const EventPtr> events) {
  deliver(events);
}

void Hub::note_heard(std::span<const EventPtr> events) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto& event = *events[i];
    if (i + 1 < events.size() && events[i + 1]->stream == event.stream) continue;
    auto& [mutex, streams] = shard(event.stream);
    const std::scoped_lock lock(mutex);
    if (const auto found = streams.find(event.stream); found != streams.end())
      found->second.heard = std::max(found->second.heard, event.seq);
  }
}

void Hub::forget_heard(StreamId stream) {
  auto& [mutex, streams] = shard(stream);
  const std::scoped_lock lock(mutex);
  const auto found = streams.find(stream);
  if (found == streams.end()) return;
  found->second.heard = Seq();
  found->second.found_short = false;
}

void Hub::deliver(std::span<const EventPtr> events) {
  if (!sole_writer_) note_heard(events);
  std::vector<std::vector<EventPtr>> for_loop(locals_.size());
  StreamId last;
  LoopMask mask = 0;
  for (const auto& event : events) {
    if (event->stream != last) {
      last = event->stream;
      mask = may_deliver(last) ? followers(last) : 0;
    }
    for (std::size_t i = 0; i < locals_.size(); ++i)
      if ((mask & (LoopMask{1} << i)) != 0) for_loop[i].push_back(event);
  }
  for (std::size_t i = 0; i < locals_.size(); ++i) {
    if (for_loop[i].empty()) continue;
    locals_[i].executor->post([this, local = &locals_[i], events = std::move(for_loop[i])] {
      for (const auto& event : events) local->hub->on_committed(event);
      // Behind the delivery, which waits for the end of the tick as well.
      local->executor->at_tick_end([this, created_at = events.front()->created_at] {
        const std::chrono::duration<double> took = clock_.wall() - created_at;
        publish_to_delivery_.observe(took.count());
      });
    });
  }
}

void Hub::publish_ephemeral(StreamId stream, std::string type, std::string body) {
  ephemeral_.fetch_add(1, std::memory_order_relaxed);
  deliver_ephemeral({stream, Seq{}, clock_.wall(), std::move(type), std::move(body)});
}

void Hub::publish_sign(StreamId stream, std::string type, std::string body, UserId except) {
  ephemeral_.fetch_add(1, std::memory_order_relaxed);
  deliver_ephemeral({stream, Seq{}, WallTime{}, std::move(type), std::move(body), except});
}

void Hub::deliver_ephemeral(Event event) {
  if (!may_deliver(event.stream)) return;
  const auto mask = followers(event.stream);
  if (mask == 0) return;
  const auto shared = std::make_shared<const Event>(std::move(event));
  on_each(mask, [shared](LocalHub& hub) { hub.on_ephemeral(shared); });
}

void Hub::on_trimmed(StreamId stream, Seq oldest) {
  on_each(followers(stream), [stream, oldest](LocalHub& hub) { hub.on_trimmed(stream, oldest); });
}

void Hub::on_closed(StreamId stream) {
  on_each(followers(stream), [stream](LocalHub& hub) { hub.on_closed(stream); });
}

void Hub::on_rewritten(StreamId stream) {
  on_each(followers(stream), [stream](LocalHub& hub) { hub.on_rewritten(stream); });
}

void Hub::on_heads(std::span<const StreamHead> heads) {
  std::vector<std::vector<StreamHead>> for_loop(locals_.size());
  for (const auto& head : heads) {
    const auto mask = followers(head.stream);
    for (std::size_t i = 0; i < locals_.size(); ++i)
      if ((mask & (LoopMask{1} << i)) != 0) for_loop[i].push_back(head);
  }
  for (std::size_t i = 0; i < locals_.size(); ++i) {
    locals_[i].executor->post(
        [hub = locals_[i].hub.get(), heads = std::move(for_loop[i])] { hub->on_heads(heads); });
  }
}

std::vector<Hub::FollowedStream> Hub::followed() const {
  std::vector<FollowedStream> streams;
  for (const auto& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    for (const auto& [stream, followed] : shard.streams)
      streams.push_back({stream, followed.heard, followed.found_short});
  }
  return streams;
}

void Hub::attach(StreamId stream, int local) {
  bool first = false;
  {
    auto& [mutex, streams] = shard(stream);
    const std::scoped_lock lock(mutex);
    auto& loops = streams[stream].loops;
    first = loops == 0;
    loops |= LoopMask{1} << static_cast<unsigned>(local);
  }
  if (first && follow_listener_ != nullptr) follow_listener_->on_followed(stream);
}

void Hub::detach(StreamId stream, int local) {
  {
    auto& [mutex, streams] = shard(stream);
    const std::scoped_lock lock(mutex);
    const auto found = streams.find(stream);
    if (found == streams.end()) return;
    auto& loops = found->second.loops;
    loops &= ~(LoopMask{1} << static_cast<unsigned>(local));
    if (loops != 0) return;
    streams.erase(found);
  }
  if (follow_listener_ != nullptr) follow_listener_->on_unfollowed(stream);
}

}  // namespace indaba::stream
