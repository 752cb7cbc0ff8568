#include "stream/simulation/server.hpp"

namespace indaba::stream::simulation {

namespace {

class PlainJson final : public WireFormat {
 public:
  net::Frame wrap(std::string_view json) override { return net::Frame::of(json); }
};

}  // namespace

// --- between the log and the loops
// ----------------------------------------------------------------------------------------------

void Bus::on_committed(std::span<const EventPtr> events) {
  const bool perfect = weather_.lost == 0 && weather_.repeated == 0 && weather_.bus_delay == 0;
  if (perfect && plant_ != Plant::renumbering_bus) return hub_.on_committed(events);
  for (const auto& event : events) {
    if (world_.chance(weather_.lost)) {
      world_.note("lost", {event->stream.value, event->seq.value});
      continue;
    }
    const auto told = plant_ == Plant::renumbering_bus ? renumbered(event) : event;
    pass_on(told);
    if (world_.chance(weather_.repeated)) pass_on(told);
  }
}

void Bus::pass_on(EventPtr event) {
  if (weather_.bus_delay == 0) return hub_.on_committed({&event, 1});
  world_.after(world_.between(0, weather_.bus_delay),
               [this, life = std::weak_ptr(life_), event = std::move(event)] {
                 if (!life.expired()) hub_.on_committed({&event, 1});
               });
}

EventPtr Bus::renumbered(const EventPtr& event) {
  const auto [heard, first] = heard_.try_emplace(event->stream, event->seq);
  if (!first) heard->second = heard->second.next();
  return std::make_shared<const Event>(
      Event{event->stream, heard->second, event->created_at, event->type, event->body});
}

// --- one connection
// -------------------------------------------------------------------------------------------------------------

Session::Session(World& world, const ModelLog& log, LocalHub& hub, SimExecutor& loop,
                 WireFormat& format, std::shared_ptr<Link> link, Plant plant)
    : world_(world),
      log_(log),
      hub_(hub),
      loop_(loop),
      format_(format),
      link_(std::move(link)),
      plant_(plant),
      limit_(1 + world.below(20)),
      pace_(world.chance(25) ? 20 : 2),
      batches_(world.chance(50)),
      life_(std::make_shared<Session*>(this)) {
  link_->session = this;
}

Session::~Session() {
  link_->session = nullptr;
  if (link_->client != nullptr) link_->client->cut_off();
}

void Session::follow(StreamId stream, const std::string& name, bool durable, const Start& start) {
  auto& followed = followed_[stream];
  followed.subscription = hub_.subscribe(*this, stream, name, durable);
  const auto* state = log_.state(stream);
  followed.head_when_asked = state == nullptr ? Seq{} : state->head;
  hub_.start(*followed.subscription, start);
}

void Session::unfollow(StreamId stream) {
  followed_.erase(stream);
  send({.kind = Message::Kind::unsubscribed, .stream = stream});
}

void Session::on_subscribed(Subscription& subscription, const StreamState& state, Seq since) {
  send({.kind = Message::Kind::subscribed,
        .stream = subscription.stream(),
        .name = std::string(subscription.name()),
        .epoch = state.epoch,
        .head = state.head,
        .since = since,
        .head_when_asked = followed_[subscription.stream()].head_when_asked});
}

void Session::on_reset(Subscription& subscription, ResetReason reason, const StreamState& state) {
  send({.kind = Message::Kind::reset,
        .stream = subscription.stream(),
        .name = std::string(subscription.name()),
        .epoch = state.epoch,
        .head = state.head,
        .reason = reason,
        .head_when_asked = followed_[subscription.stream()].head_when_asked});
}

void Session::on_event(Subscription& subscription, Rendering& event) {
  if (has_room()) send_event(subscription, event);
}

void Session::on_batch(Subscription& subscription, Batch& batch) {
  if (!has_room()) return;
  for (const auto& event : batch.events()) send_event(subscription, *event);
}

bool Session::has_room() {
  if (!full()) return true;
  if (plant_ != Plant::lossy_outbox) world_.violation("I9: a full outbox was given an event");
  return false;
}

void Session::send_event(const Subscription& subscription, Rendering& event) {
  send({.stream = subscription.stream(),
        .name = std::string(subscription.name()),
        .frame = subscription.frame(event, format_)});
}

void Session::on_gone(Subscription& subscription) {
  send({.kind = Message::Kind::gone, .stream = subscription.stream()});
  loop_.post([life = std::weak_ptr(life_), stream = subscription.stream()] {
    if (const auto self = life.lock()) (*self)->followed_.erase(stream);
  });
}

void Session::send(Message message) {
  outbox_.push_back(std::move(message));
  drain_later();
}

void Session::drain_later() {
  if (draining_) return;
  draining_ = true;
  world_.after(world_.between(0, pace_), [life = std::weak_ptr(life_)] {
    if (const auto self = life.lock()) (*self)->loop_.enter([&] { (*self)->drain(); });
  });
}

void Session::drain() {
  draining_ = false;
  if (link_->client == nullptr) return;  // nobody reads any more, and nobody has told us
  for (auto budget = 1 + world_.below(8); budget > 0 && !outbox_.empty(); --budget) {
    const auto message = std::move(outbox_.front());
    outbox_.pop_front();
    link_->client->receive(message);
    if (link_->client == nullptr) return;
  }
  if (!outbox_.empty()) return drain_later();
  for (auto& [stream, followed] : followed_) hub_.resume(*followed.subscription);
}

// --- the process
// ----------------------------------------------------------------------------------------------------------------

Server::Server(World& world, ModelLog& log, const Weather& weather, Plant plant, std::size_t loops)
    : world_(world),
      log_(log),
      plant_(plant),
      store_(world, log, weather, plant),
      hub_(world),
      bus_(world, hub_, weather, plant) {
  for (std::size_t i = 0; i < loops; ++i) {
    loops_.push_back(std::make_unique<SimExecutor>(world));
    formats_.push_back(std::make_unique<PlainJson>());
    hub_.add_loop(*loops_.back(), store_);
  }
  log_.listen(&bus_);
}

Server::~Server() {
  log_.listen(nullptr);
  sessions_.clear();  // before the hub that they read from
}

void Server::connect(const std::shared_ptr<Link>& link) {
  const auto loop = world_.below(loops_.size());
  sessions_.push_back(std::make_unique<Session>(world_, log_, hub_.local(loop), *loops_[loop],
                                                *formats_[loop], link, plant_));
}

void Server::forget(const Session* session) {
  sessions_.remove_if([&](const auto& one) { return one.get() == session; });
}

void Server::repair(StreamId stream) {
  const auto* state = log_.state(stream);
  if (state == nullptr) return;
  for (std::size_t i = 0; i < loops_.size(); ++i)
    loops_[i]->post(
        [hub = &hub_.local(i), stream, state = *state] { hub->on_head(stream, state); });
}

void Server::sweep() {
  for (std::size_t i = 0; i < loops_.size(); ++i)
    loops_[i]->post([hub = &hub_.local(i)] { hub->sweep(); });
}

}  // namespace indaba::stream::simulation
