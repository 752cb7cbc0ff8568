#include "stream/simulation/session.hpp"

namespace indaba::stream::simulation {

Session::Session(World& world, const ModelLog& log, LocalHub& hub, SimLoop& loop,
                 std::shared_ptr<Link> link, Plant plant)
    : world_(world),
      log_(log),
      hub_(hub),
      loop_(loop),
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

void Session::refuse(StreamId stream) {
  followed_.erase(stream);
  send({.kind = Message::Kind::refused, .stream = stream});
}

std::vector<StreamId> Session::followed() const {
  std::vector<StreamId> streams;
  for (const auto& [stream, followed] : followed_) streams.push_back(stream);
  return streams;
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
        .frame = subscription.frame(event, loop_.format)});
}

void Session::on_gone(Subscription& subscription) {
  send({.kind = Message::Kind::gone, .stream = subscription.stream()});
  loop_.executor.post([life = std::weak_ptr(life_), stream = subscription.stream()] {
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
    if (const auto self = life.lock()) (*self)->loop().enter([&] { (*self)->drain(); });
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

}  // namespace indaba::stream::simulation
