#include "cluster/relay.hpp"

#include "cluster/wire.hpp"

#include <algorithm>
#include <map>

namespace indaba::cluster {

namespace {

using stream::Event;
using stream::EventPtr;

// What a message is made of, one after the other.
enum class Record : std::uint8_t { event = 1, ephemeral, sign, rewritten, trimmed };

// Under the bus's own bound, with room for the envelope.
constexpr std::size_t kMessage = 256 * 1024;
constexpr std::size_t kLongestEvent = Bus::kMaxPayload - 1024;

void write(WireWriter& out, const Event& event) {
  out.byte(static_cast<std::uint8_t>(Record::event))
      .number(event.stream.value)
      .number(event.seq.value)
      .number(to_millis(event.created_at))
      .text(event.type)
      .text(event.body);
}

Event read_event(WireReader& in) {
  Event event;
  event.stream = StreamId(in.number());
  event.seq = Seq(in.number());
  event.created_at = from_millis(in.number());
  event.type = in.text();
  event.body = in.text();
  return event;
}

Event read_ephemeral(WireReader& in) {
  Event event;
  event.stream = StreamId(in.number());
  event.created_at = from_millis(in.number());
  event.type = in.text();
  event.body = in.text();
  return event;
}

Event read_sign(WireReader& in) {
  Event event;
  event.stream = StreamId(in.number());
  event.except = UserId(in.number());
  event.type = in.text();
  event.body = in.text();
  return event;
}

}  // namespace

void Relay::connect(Cluster& cluster) {
  cluster_ = &cluster;
  cluster.listen(Topic::events, [this](NodeId, std::string_view body) { hear(body); });
  hub_.set_follow_listener(this);
}

// --- what goes out

void Relay::on_committed(std::span<const EventPtr> events) {
  hub_.on_committed(events);
  if (!others_listen()) return;
  std::map<unsigned, WireWriter> messages;
  for (const auto& event : events) {
    if (event->body.size() > kLongestEvent) continue;  // they will find a hole, and read it
    const auto shard = Cluster::shard_of(event->stream);
    auto& message = messages[shard];
    if (message.size() > 0 && message.size() + event->body.size() > kMessage)
      cluster_->tell_shard(shard, message.take());
    write(message, *event);
    counters_.sent.fetch_add(1, std::memory_order_relaxed);
  }
  for (auto& [shard, message] : messages) cluster_->tell_shard(shard, message.take());
}

void Relay::publish_ephemeral(StreamId stream, std::string type, std::string body) {
  if (others_listen() && body.size() <= kLongestEvent) {
    WireWriter out;
    out.byte(static_cast<std::uint8_t>(Record::ephemeral))
        .number(stream.value)
        .number(to_millis(hub_.clock().wall()))
        .text(type)
        .text(body);
    cluster_->tell_shard(Cluster::shard_of(stream), out.take());
  }
  hub_.publish_ephemeral(stream, std::move(type), std::move(body));
}

void Relay::publish_sign(StreamId stream, std::string type, std::string body, UserId except) {
  if (others_listen() && body.size() <= kLongestEvent) {
    WireWriter out;
    out.byte(static_cast<std::uint8_t>(Record::sign))
        .number(stream.value)
        .number(except.value)
        .text(type)
        .text(body);
    cluster_->tell_shard(Cluster::shard_of(stream), out.take());
  }
  hub_.publish_sign(stream, std::move(type), std::move(body), except);
}

void Relay::on_rewritten(StreamId stream) {
  hub_.on_rewritten(stream);
  if (!others_listen()) return;
  WireWriter out;
  out.byte(static_cast<std::uint8_t>(Record::rewritten)).number(stream.value);
  cluster_->tell_shard(Cluster::shard_of(stream), out.take());
}

void Relay::on_trimmed(StreamId stream, Seq oldest) {
  hub_.on_trimmed(stream, oldest);
  if (!others_listen()) return;
  WireWriter out;
  out.byte(static_cast<std::uint8_t>(Record::trimmed)).number(stream.value).number(oldest.value);
  cluster_->tell_shard(Cluster::shard_of(stream), out.take());
}

void Relay::on_followed(StreamId stream) {
  const auto shard = Cluster::shard_of(stream);
  const std::scoped_lock lock(mutex_);
  if (++followed_[shard] == 1) cluster_->join_shard(shard);
}

void Relay::on_unfollowed(StreamId stream) {
  const auto shard = Cluster::shard_of(stream);
  const std::scoped_lock lock(mutex_);
  if (--followed_[shard] == 0) cluster_->leave_shard(shard);
}

// --- what comes in

void Relay::count_held_back(std::span<const EventPtr> events, std::span<const Event> ephemeral) {
  const auto held = [this](StreamId stream) { return !hub_.may_deliver(stream); };
  const auto durable = std::ranges::count_if(events, held, [](const auto& e) { return e->stream; });
  const auto others = std::ranges::count_if(ephemeral, held, &Event::stream);
  counters_.held_back.fetch_add(static_cast<std::uint64_t>(durable + others),
                                std::memory_order_relaxed);
}

void Relay::hear(std::string_view body) {
  std::vector<EventPtr> events;
  std::vector<Event> ephemeral;
  WireReader in(body);
  while (in.ok() && !in.at_end()) {
    const auto record = in.byte();
    if (record == static_cast<std::uint8_t>(Record::event)) {
      auto event = read_event(in);
      if (in.ok() && event.seq >= Seq(1))
        events.push_back(std::make_shared<const Event>(std::move(event)));
    } else if (record == static_cast<std::uint8_t>(Record::ephemeral) ||
               record == static_cast<std::uint8_t>(Record::sign)) {
      auto event =
          record == static_cast<std::uint8_t>(Record::sign) ? read_sign(in) : read_ephemeral(in);
      if (in.ok()) ephemeral.push_back(std::move(event));
    } else if (record == static_cast<std::uint8_t>(Record::rewritten)) {
      const StreamId stream(in.number());
      if (in.ok()) hub_.on_rewritten(stream);
    } else if (record == static_cast<std::uint8_t>(Record::trimmed)) {
      const StreamId stream(in.number());
      const Seq oldest(in.number());
      if (in.ok()) hub_.on_trimmed(stream, oldest);
    } else {
      counters_.unreadable.fetch_add(1, std::memory_order_relaxed);
      break;  // of a newer version: the log has the rest
    }
  }
  if (!in.ok()) counters_.unreadable.fetch_add(1, std::memory_order_relaxed);
  counters_.heard.fetch_add(events.size() + ephemeral.size(), std::memory_order_relaxed);
  count_held_back(events, ephemeral);
  if (!events.empty()) hub_.on_heard(events);
  for (auto& event : ephemeral) {
    if (on_sign_ && stream::is_sign(event)) on_sign_(event);
    hub_.on_heard_ephemeral(std::move(event));
  }
}

}  // namespace indaba::cluster
