#include "stream/simulation/client.hpp"

#include "stream/simulation/session.hpp"

namespace indaba::stream::simulation {

namespace {

// What a client reads out of an event's JSON.
std::string member(std::string_view json, std::string_view name, char end) {
  const auto key = fmt::format("\"{}\":", name);
  const auto begin = json.find(key);
  if (begin == std::string_view::npos) return {};
  const auto from = begin + key.size() + (end == '"' ? 1 : 0);
  return std::string(json.substr(from, json.find(end, from) - from));
}

}  // namespace

Client::~Client() {
  if (link_) link_->client = nullptr;
}

void Client::follow(StreamId stream, std::string name, bool durable, Start first) {
  following_[stream] = {
      .id = stream, .name = std::move(name), .durable = durable, .first = std::move(first)};
}

// --- connections

void Client::connect_later() {
  if (connecting_) return;
  connecting_ = true;
  world_.after(world_.between(0, 200 * pace_), [this] {
    connecting_ = false;
    connect();
  });
}

void Client::connect() {
  if (link_) return;
  auto* host = host_();
  if (host == nullptr) return connect_later();
  world_.note("connect", {number_});
  link_ = std::make_shared<Link>(Link{this, nullptr, nullptr, user()});
  ephemeral_.clear();
  host->connect(link_);
  for (auto& [stream, following] : following_) {
    if (following.stage == Stage::gone) continue;
    following.stage = Stage::idle;
    ask(following);
  }
}

void Client::ask(Following& following) {
  following.stage = Stage::asked;
  following.asked = following.first;
  if (!following.epoch.empty()) {
    following.asked = Start{following.seq, following.epoch};
    if (plant_ == Plant::resume_one_late) following.asked.since = following.seq.next();
    if (plant_ == Plant::resume_one_early && following.seq > Seq{})
      following.asked.since = Seq(following.seq.value - 1);
  }
  world_.after(world_.between(0, 20), [link = link_, &following] {
    if (link->client == nullptr || link->session == nullptr) return;
    link->session->loop().enter([&] {
      link->session->follow(following.id, following.name, following.durable, following.asked);
    });
  });
}

void Client::disconnect() {
  if (!link_) return;
  world_.note("disconnect", {number_});
  link_->client = nullptr;
  // The server notices at once, or much later: until then a session writes to nobody.
  world_.after(world_.between(0, world_.chance(50) ? 0 : 500 * pace_), [link = link_] {
    if (link->session == nullptr) return;
    auto* session = link->session;
    session->loop().enter([&] { link->host->forget(session); });
  });
  link_.reset();
  connect_later();
}

void Client::cut_off() {
  link_->client = nullptr;
  link_.reset();
  connect_later();
}

void Client::refollow(StreamId stream) {
  const auto found = following_.find(stream);
  if (!link_ || found == following_.end() || found->second.stage != Stage::following) return;
  found->second.stage = Stage::leaving;
  world_.after(world_.between(0, 20), [link = link_, stream] {
    if (link->client == nullptr || link->session == nullptr) return;
    link->session->loop().enter([&] { link->session->unfollow(stream); });
  });
}

// --- what it is told

void Client::wrong(const Following& following, std::string_view what) {
  world_.violation(fmt::format("client {} on stream {} at {}/{}: {}", number_, following.id.value,
                               following.epoch, following.seq.value, what));
}

void Client::receive(const Message& message) {
  auto& following = following_[message.stream];
  switch (message.kind) {
    case Message::Kind::subscribed:
      return on_subscribed(following, message);
    case Message::Kind::reset:
      return on_reset(following, message);
    case Message::Kind::event:
      return on_event(following, message);
    case Message::Kind::gone:
      if (log_.state(message.stream) != nullptr)
        wrong(following, "I5: told that the stream is gone, and it is not");
      following.stage = Stage::gone;
      return;
    case Message::Kind::refused:
      return on_refused(following);
    case Message::Kind::unsubscribed:
      if (following.stage == Stage::leaving) ask(following);
      return;
  }
}

void Client::on_subscribed(Following& following, const Message& message) {
  world_.note("subscribed",
              {number_, message.stream.value, message.head.value, message.since.value});
  if (following.stage != Stage::asked) wrong(following, "subscribed without having asked");
  const auto* state = log_.state(following.id);
  if (state != nullptr && state->epoch == message.epoch && message.head > state->head)
    wrong(following, "I2: told a head that is not there");
  const auto& asked = following.asked;
  const bool as_asked =
      asked.since
          ? message.since == *asked.since && (asked.epoch.empty() || asked.epoch == message.epoch)
          : message.since <= message.head &&
                message.head.value - message.since.value <= std::int64_t{asked.last};
  following.stage = as_asked || !following.durable ? Stage::following : Stage::must_reset;
  // Whoever has a position keeps it: what follows must continue there.
  if (!as_asked || !following.epoch.empty()) return;
  following.seq = message.since;
  following.epoch = message.epoch;
}

void Client::on_reset(Following& following, const Message& message) {
  world_.note("reset", {number_, message.stream.value, message.head.value,
                        static_cast<std::int64_t>(message.reason)});
  const bool expected = following.stage == Stage::must_reset ||
                        following.stage == Stage::following || following.stage == Stage::leaving;
  if (!expected) wrong(following, "reset before it was subscribed");
  if (!reset_is_true(following, message))
    wrong(following, fmt::format("I5: reset for no reason: {}, head {}", to_string(message.reason),
                                 message.head.value));
  if (following.stage == Stage::must_reset) following.stage = Stage::following;
  following.epoch = message.epoch;
  following.seq = message.head;
}

bool Client::reset_is_true(const Following& following, const Message& message) const {
  const auto* state = log_.state(following.id);
  if (state == nullptr) return true;
  const bool at_start = following.stage == Stage::must_reset;
  const auto& epoch = at_start ? following.asked.epoch : following.epoch;
  const auto seq = at_start ? following.asked.since.value_or(Seq{}) : following.seq;
  switch (message.reason) {
    case ResetReason::epoch_changed:
      return !epoch.empty() && epoch != message.epoch;
    case ResetReason::ahead:
      return at_start && seq > message.head_when_asked;
    case ResetReason::expired:
      return seq.next() < state->oldest;
  }
  return false;
}

void Client::on_event(Following& following, const Message& message) {
  const auto json = message.frame.bytes();
  if (member(json, "stream", '"') != following.name)
    wrong(following, "I7: an event under another reader's name");
  if (following.stage != Stage::following && following.stage != Stage::leaving)
    return wrong(following, "an event before it was told where it stands, or after the end");
  const auto payload = payload_of(json);
  const auto number = member(json, "seq", ',');
  if (number.empty()) {
    if (payload.ends_with(fmt::format("-not-{}", user().value)))
      wrong(following, "a sign that leaves this user out");
    if (!ephemeral_.insert(payload).second && ephemeral_once_)
      wrong(following, "an ephemeral event twice");
    return ledger_.ephemeral_delivered(user(), following.id, payload);
  }
  const Seq seq(std::stoll(number));
  world_.note("event", {number_, message.stream.value, seq.value});
  if (seq != following.seq.next())
    wrong(following, fmt::format("I3: the next event was {}", seq.value));
  following.seq = seq;
  ledger_.delivered(user(), following.id, following.epoch, seq, payload);
}

// It may be let in again later, or it was not known whether it may.
void Client::on_refused(Following& following) {
  world_.note("refused", {number_, following.id.value});
  following.stage = Stage::refused;
  world_.after(world_.between(50, 1'500), [this, &following, link = link_] {
    if (link->client != nullptr && following.stage == Stage::refused) ask(following);
  });
}

void Client::check_up_to_date() {
  for (const auto& [stream, following] : following_) {
    const auto* state = log_.state(stream);
    if (state == nullptr) {
      if (following.stage != Stage::gone && log_.may_read(user(), stream))
        wrong(following, "I10: the stream is gone and nobody said so");
    } else if (!log_.may_read(user(), stream)) {
      if (following.stage == Stage::following)
        wrong(following, "I8: it still follows what it may not read");
    } else if (following.stage != Stage::following) {
      wrong(following, "I10: it never came back");
    } else if (following.durable &&
               (following.epoch != state->epoch || following.seq != state->head)) {
      wrong(following, fmt::format("I10: the head is {}/{}", state->epoch, state->head.value));
    }
  }
}

}  // namespace indaba::stream::simulation
