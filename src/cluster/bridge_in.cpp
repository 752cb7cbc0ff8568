// Bridge: from Django to streams.
#include "cluster/bridge.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace indaba::cluster {

namespace {

constexpr Millis kKnown{10'000};  // how long a stream that was found is believed to be there
constexpr Millis kUnknown{5000};  // and one that was not, not to be
constexpr Millis kFirstRetry{100};
constexpr Millis kLongestRetry{1000};
constexpr Millis kWait{30'000};  // for the database, or to lead again
constexpr std::size_t kBatch = 500;
constexpr std::size_t kBatchBytes = std::size_t{1} << 20U;
constexpr std::size_t kMostLanes = 50'000;

bool holds(const std::vector<std::string>& types, std::string_view type) {
  return std::ranges::find(types, type) != types.end();
}

}  // namespace

void Bridge::on_unreadable(const std::string& why) {
  refuse(Refusal::unreadable, why);
}

const GroupMapping* Bridge::mapping_of(std::string_view group, BridgeStream& target) const {
  for (const bool blank : {false, true}) {  // what is named exactly goes first
    for (const auto& mapping : mappings_) {
      if ((mapping.blank != GroupMapping::Blank::none) != blank) continue;
      auto stream = mapping.stream_of(group);
      if (!stream) continue;
      target = *std::move(stream);
      return &mapping;
    }
  }
  return nullptr;
}

void Bridge::on_group_message(GroupMessage message) {
  const auto handled = [&] {
    if (message.done) message.done();
  };
  BridgeStream target;
  const auto* mapping = mapping_of(message.group, target);
  if (mapping == nullptr) {
    refuse(Refusal::group, fmt::format("the group {} is not mapped", message.group));
    return handled();
  }
  if (!holds(mapping->in, message.type)) {
    // Our own word, or one among Django's consumers that is none of our business.
    if (!holds(mapping->out, message.type))
      refuse(Refusal::type, fmt::format("the type {} is not let in from the group {}",
                                        message.type.substr(0, 64), message.group));
    return handled();
  }
  if (closing_) return;
  const bool ours = !layer_->every_node_hears() || leader_.led_last();
  // Only of topics it has to be seen whether they keep anything.
  if (mapping->durable && !ours && target.kind != BridgeStream::Kind::topic) return;
  if (!reserve(message.bytes)) return refuse(Refusal::full, "too many messages wait");
  thread_.loop().post([this, message = std::move(message), mapping, target, ours]() mutable {
    take(std::move(message), *mapping, std::move(target), ours);
  });
}

void Bridge::take(GroupMessage message, const GroupMapping& mapping, BridgeStream target,
                  bool ours) {
  auto& lane = lanes_[message.group];
  if (!lane && lanes_.size() > kMostLanes) {
    lanes_.erase(message.group);
    release(message.bytes);
    return refuse(Refusal::full, "too many groups speak at once");
  }
  if (!lane) {
    lane = std::make_shared<Lane>();
    lane->group = message.group;
    lane->mapping = &mapping;
    lane->target = std::move(target);
  }
  auto key = fmt::format("django/{}", message.id.empty()
                                          ? fmt::format("{}/{}", leader_.holder(), ++counter_)
                                          : message.id);
  lane->items.push_back({std::move(message), std::move(key), ours ? leader_.term() : 0});
  if (lane->running) return;
  lane->running = true;
  ++running_;
  spawn(run(lane));
}

Task<void> Bridge::run(std::shared_ptr<Lane> lane) {
  while (!lane->items.empty() && !abandoned_) {
    auto finding = find_stream(lane);
    const auto found = co_await finding;
    if (found != Found::yes) {
      drop_all(*lane, found);
    } else if (lane->mapping->durable && lane->stream->durable) {
      auto appending = append_some(lane);
      co_await appending;
    } else {
      publish_all(*lane);
    }
  }
  lane->running = false;
  --running_;
}

Task<Bridge::Found> Bridge::find_stream(std::shared_ptr<Lane> lane) {
  auto& loop = thread_.loop();
  const auto known = [&] { return lane->stream ? Found::yes : Found::no; };
  const auto age = loop.now() - lane->found_at;
  if (lane->found_at != MonoTime{} && age < (lane->stream ? kKnown : kUnknown)) co_return known();
  auto delay = kFirstRetry;
  const auto since = loop.now();
  for (;;) {
    auto finding = parts_.sink.find(lane->target);
    auto found = co_await finding;
    if (found) {
      lane->stream = *std::move(found);
      lane->found_at = loop.now();
      co_return known();
    }
    if (abandoned_ || out_of_time(since)) co_return Found::unknown;
    auto waiting = sleep_for{delay};
    co_await waiting;
    delay = std::min(delay * 2, kLongestRetry);
  }
}

// What the layer keeps until it is done can wait as long as this node leads.
bool Bridge::out_of_time(MonoTime since) const {
  if (layer_->every_node_hears()) return thread_.loop().now() - since > kWait;
  return !leader_.led_last();
}

std::optional<BridgeEvent> Bridge::event_of(const Lane& lane, const Item& item) {
  auto body = parts_.sink.body_of(lane.target.kind, item.message.members);
  if (body && body->size() <= kMostBody)
    return BridgeEvent{item.message.type, *std::move(body), item.dedupe_key};
  refuse(Refusal::body, body ? "its members are too long" : body.error().detail);
  return std::nullopt;
}

void Bridge::finish(Item& item, bool done) {
  release(item.message.bytes);
  if (done && item.message.done) item.message.done();
}

void Bridge::drop_all(Lane& lane, Found why) {
  for (auto& item : lane.items) {
    if (why == Found::no)
      refuse(Refusal::stream, fmt::format("the group {} has no stream here", lane.group));
    else
      refuse(Refusal::full, "the database does not say whose it is");
    finish(item, why == Found::no);
  }
  lane.items.clear();
}

void Bridge::publish_all(Lane& lane) {
  // A topic that keeps nothing, mapped as one that does: each node for its own readers.
  while (!lane.items.empty()) {
    auto& item = lane.items.front();
    if (auto event = event_of(lane, item)) {
      event->dedupe_key.clear();
      parts_.sink.publish(*lane.stream, *std::move(event), !layer_->every_node_hears());
      ++delivered_;
    }
    finish(item, true);
    lane.items.pop_front();
  }
}

Task<void> Bridge::append_some(std::shared_ptr<Lane> lane) {
  std::vector<Item> items;
  std::vector<BridgeEvent> events;
  std::size_t bytes = 0;
  const auto term = lane->items.front().term;
  while (!lane->items.empty() && events.size() < kBatch && bytes < kBatchBytes &&
         lane->items.front().term == term) {
    auto item = std::move(lane->items.front());
    lane->items.pop_front();
    if (term == 0) {
      finish(item, true);
      continue;
    }
    if (auto event = event_of(*lane, item)) {
      bytes += item.message.bytes;
      events.push_back(*std::move(event));
      items.push_back(std::move(item));
    } else {
      finish(item, true);
    }
  }
  if (items.empty()) co_return;
  const auto stream = *lane->stream;
  auto appending = append(stream, events, term);
  auto written = co_await appending;
  const bool lost_lead = !written && written.error().code == "not_leader";
  const bool too_late = !written && written.error().kind == ErrorKind::unavailable;
  if (written || lost_lead || too_late || events.size() == 1) {
    if (written)
      delivered_ += items.size();
    else if (too_late)
      for (std::size_t i = 0; i < items.size(); ++i) refuse(Refusal::full, "it cannot be written");
    else if (!lost_lead)
      refuse(Refusal::write, written.error().detail);
    for (auto& item : items) finish(item, !lost_lead && !too_late);
    if (!written) lane->found_at = MonoTime{};  // is the stream still there?
    co_return;
  }
  // One of them cannot be: each for itself.
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::vector<BridgeEvent> single;
    single.push_back(events[i]);
    auto appending_one = append(stream, std::move(single), term);
    auto one = co_await appending_one;
    if (one)
      ++delivered_;
    else
      refuse(Refusal::write, one.error().detail);
    finish(items[i], true);
  }
  lane->found_at = MonoTime{};
}

// Until it is written, or another node leads. A key keeps each event from being there twice.
Task<Result<void>> Bridge::append(KnownStream stream, std::vector<BridgeEvent> events,
                                  std::int64_t term) {
  auto& loop = thread_.loop();
  const auto since = loop.now();
  auto delay = kFirstRetry;
  for (;;) {
    if (leader_.term() != term)
      co_return Error(ErrorKind::conflict, "not_leader", "Another node has led meanwhile.");
    auto writing = parts_.sink.append(stream, events, leader_.fence());
    auto written = co_await writing;
    if (written || !worth_waiting(written.error(), term, since)) co_return written;
    auto waiting = sleep_for{delay};
    co_await waiting;
    delay = std::min(delay * 2, kLongestRetry);
  }
}

bool Bridge::worth_waiting(const Error& error, std::int64_t term, MonoTime since) const {
  if (abandoned_ || out_of_time(since) || leader_.term() != term) return false;
  return error.kind == ErrorKind::unavailable || (error.code == "not_leader" && leader_.led_last());
}

}  // namespace indaba::cluster
