// Bridge: from streams to Django.
#include "base/json.hpp"
#include "cluster/bridge.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace indaba::cluster {

namespace {

constexpr Millis kGroupKnown{60'000};
constexpr Millis kRetry{500};
constexpr int kTries = 20;

std::size_t size_of(const stream::Event& event) {
  return event.type.size() + event.body.size();
}

// What a consumer gets: the event's members beside its type and place.
std::optional<boost::json::object> message_of(const stream::Event& event) {
  boost::json::object message{
      {"type", event.type}, {"seq", event.seq.value}, {"created_at", to_rfc3339(event.created_at)}};
  if (event.body.empty()) return message;
  auto members = json::parse(fmt::format("{{{}}}", event.body.substr(1)));
  if (!members || !members->is_object()) return std::nullopt;
  for (auto& member : members->get_object())
    if (!member.key().starts_with("__"))  // channels_redis keeps these for itself
      message.emplace(member.key(), std::move(member.value()));
  return message;
}

}  // namespace

void Bridge::on_committed(std::span<const stream::EventPtr> events) {
  if (out_types_.empty() || !started_) return;
  std::vector<stream::EventPtr> wanted;
  for (const auto& event : events) {
    if (!out_types_.contains(event->type)) continue;
    if (reserve(size_of(*event)))
      wanted.push_back(event);
    else
      refuse(Refusal::full, "too many events wait for Django");
  }
  if (wanted.empty()) return;
  thread_.loop().post(
      [this, wanted = std::move(wanted)]() mutable { take_events(std::move(wanted)); });
}

void Bridge::take_events(std::vector<stream::EventPtr> events) {
  for (auto& event : events) {
    auto& lane = out_lanes_[event->stream];
    if (!lane) {
      lane = std::make_shared<OutLane>();
      lane->id = event->stream;
    }
    lane->events.push_back(std::move(event));
    if (lane->running) continue;
    lane->running = true;
    ++running_;
    spawn(run_out(lane));
  }
}

Task<void> Bridge::run_out(std::shared_ptr<OutLane> lane) {
  auto& loop = thread_.loop();
  if (lane->found_at == MonoTime{} || loop.now() - lane->found_at > kGroupKnown) {
    for (int i = 0; i < kTries && !abandoned_; ++i) {
      auto finding = parts_.sink.find(lane->id);
      const auto found = co_await finding;
      if (found) {
        lane->groups.clear();
        lane->mappings.clear();
        for (const auto& mapping : mappings_) {
          auto group = *found ? mapping.group_of((*found)->name) : std::nullopt;
          if (!group) continue;
          lane->groups.push_back(*std::move(group));
          lane->mappings.push_back(&mapping);
        }
        lane->found_at = loop.now();
        break;
      }
      auto waiting = sleep_for{kRetry};
      co_await waiting;
    }
  }
  for (; !lane->events.empty(); lane->events.pop_front()) {
    if (lane->found_at == MonoTime{})
      refuse(Refusal::full, "the database does not say for whom it is");
    else
      send(*lane, *lane->events.front());
    release(size_of(*lane->events.front()));
  }
  lane->running = false;
  --running_;
}

void Bridge::send(const OutLane& lane, const stream::Event& event) {
  const auto has = [&](const std::vector<std::string>& types) {
    return std::ranges::find(types, event.type) != types.end();
  };
  std::optional<boost::json::object> message;
  for (std::size_t i = 0; i < lane.groups.size(); ++i) {
    if (!has(lane.mappings[i]->out)) continue;
    // What comes from this group by another mapping does not go back into it.
    BridgeStream ignored;
    const auto* in = mapping_of(lane.groups[i], ignored);
    if (in != nullptr && has(in->in)) continue;
    if (!message) message = message_of(event);
    if (!message) return;
    layer_->group_send(lane.groups[i], *message);
    ++sent_;
  }
}

}  // namespace indaba::cluster
