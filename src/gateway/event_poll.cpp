#include "gateway/event_poll.hpp"

#include <algorithm>

namespace indaba::gateway {

namespace {

Error not_yet() {
  Error error(ErrorKind::unavailable, "What is on the stream is not known at this moment.");
  error.retry_after = std::chrono::seconds(1);
  return error;
}

}  // namespace

EventPoll::EventPoll(Gateway& gateway, std::shared_ptr<EventRequest> request, std::size_t limit,
                     Millis wait)
    : gateway_(gateway),
      context_(gateway.here()),
      request_(std::move(request)),
      limit_(limit),
      wait_(wait) {
  context_.add(*this);
}

EventPoll::~EventPoll() {
  context_.remove(*this);
}

Task<Result<std::string>> EventPoll::run() {
  for (const auto& [resolved, start] : request_->streams) {
    Followed followed;
    followed.subscription =
        context_.hub.subscribe(*this, resolved.id, resolved.name, resolved.durable);
    followed.org = resolved.org;
    followed.peer = resolved.peer;
    followed.position.stream = resolved.name;
    followed.position.id = resolved.id;
    followed_.push_back(std::move(followed));
  }
  for (std::size_t i = 0; i < followed_.size(); ++i) {
    auto start = request_->streams[i].start;
    // Who publishes, has the answer, and then asks for a page must find it there, on whatever loop.
    start.confirm = wait_.count() == 0;
    context_.hub.start(*followed_[i].subscription, start);
  }
  for (const auto& change : request_->access->missed()) on_access_change(change);
  if (!finished_) context_.loop.arm(*this, kPatience);
  co_await Finished{*this};
  if (error_) {
    followed_.clear();
    co_return *error_;
  }
  // It had to end before anything was read: a cursor would lead back to the beginning.
  const bool known = all_known();
  auto text = known ? page() : std::string();
  followed_.clear();
  if (!known) co_return not_yet();
  co_return text;
}

// Where the database does not answer, nobody waits for it; where it answers slowly, what has been
// read by the end of the wait is the page.
void EventPoll::on_timer() {
  const auto self = shared_from_this();  // whoever awaits the page may let go of it
  if (waiting_ || !all_known() || wait_.count() == 0 || std::exchange(late_, true)) return finish();
  context_.loop.arm(*this, wait_);
}

bool EventPoll::all_known() const {
  return std::ranges::all_of(followed_, &Followed::known);
}

EventPoll::Followed* EventPoll::find(const stream::Subscription& subscription) {
  for (auto& followed : followed_)
    if (followed.subscription.get() == &subscription) return &followed;
  return nullptr;
}

void EventPoll::on_subscribed(stream::Subscription& subscription, const stream::StreamState& state,
                              Seq since) {
  auto* followed = find(subscription);
  followed->known = true;
  followed->position.seq = since;
  followed->position.epoch = state.epoch;
}

void EventPoll::on_reset(stream::Subscription& subscription, stream::ResetReason reason,
                         const stream::StreamState& state) {
  auto* followed = find(subscription);
  followed->position.seq = state.head;
  followed->position.epoch = state.epoch;
  resets_.push_back(reset_object("reset", subscription.name(), reason, state));
}

void EventPoll::on_event(stream::Subscription& subscription, stream::Rendering& event) {
  if (stream::is_sign(event.event())) return;  // stale before the next poll could tell its end
  auto* followed = find(subscription);
  events_.push_back(subscription.frame(event, context_.json));
  bytes_ += events_.back().size();
  if (event.event().seq != Seq{}) followed->position.seq = event.event().seq;
  if (waiting_ || !can_take()) finish_soon();
}

void EventPoll::on_live(stream::Subscription& subscription) {
  find(subscription)->reached_head = true;
  look();
}

void EventPoll::look() {
  if (finished_ || finishing_ || waiting_) return;
  if (!std::all_of(followed_.begin(), followed_.end(),
                   [](const auto& f) { return f.reached_head; }))
    return;
  if (!events_.empty() || !resets_.empty() || wait_.count() == 0) return finish_soon();
  waiting_ = true;
  context_.loop.arm(*this, wait_);
}

// At the end of what is happening now: the hub is in the middle of a list, and more events of the
// same commit may follow.
void EventPoll::finish_soon() {
  if (finishing_ || finished_) return;
  finishing_ = true;
  context_.loop.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->finish();
  });
}

void EventPoll::finish() {
  if (finished_) return;
  finished_ = true;
  if (awaiting_) std::exchange(awaiting_, {}).resume();
}

void EventPoll::fail(Error error) {
  if (finished_) return;
  error_ = std::move(error);
  finish_soon();
}

void EventPoll::on_gone(stream::Subscription&) {
  fail(Error(ErrorKind::not_found, "There is no such stream."));
}

void EventPoll::on_access_change(const api::AccessChange& change) {
  if (std::holds_alternative<api::AccessUnknown>(change)) return finish_soon();
  if (const auto end = ends_principal(change, request_->principal))
    return fail(Error(ErrorKind::unauthenticated, "The session has ended."));
  for (const auto& followed : followed_) {
    const StreamAccess stream{followed.subscription->stream(), followed.org, followed.peer};
    if (ends_stream(change, request_->principal, stream) != StreamEnd::keeps)
      return fail(Error(ErrorKind::not_found, "There is no such stream."));
    if (may_end_stream(change, request_->principal, stream)) return finish_soon();
  }
}

void EventPoll::on_drain(std::int64_t) {
  finish_soon();
}

std::string EventPoll::page() const {
  std::string out = R"({"results":[)";
  out.reserve(bytes_ + events_.size() + 512);
  for (std::size_t i = 0; i < events_.size(); ++i) {
    if (i > 0) out += ',';
    out += events_[i].bytes();
  }
  out += ']';
  std::vector<Position> positions;
  bool more = false;
  std::string streams = "{";
  for (const auto& followed : followed_) {
    positions.push_back(followed.position);
    more = more || (followed.subscription->durable() &&
                    followed.position.seq < followed.subscription->head());
    std::string one = "{";
    json::append_member(one, "epoch", followed.position.epoch);
    json::append_member(one, "head", followed.subscription->head());
    if (streams.size() > 1) streams += ',';
    json::append_string(streams, followed.position.stream);
    streams += ':' + one + '}';
  }
  json::append_member(out, "cursor", gateway_.parts.cursors.seal(positions));
  json::append_member(out, "has_more", more);
  json::append_name(out, "reset");
  out += '[';
  for (std::size_t i = 0; i < resets_.size(); ++i) out += (i > 0 ? "," : "") + resets_[i];
  out += ']';
  json::append_name(out, "streams");
  out += streams + "}}";
  return out;
}

}  // namespace indaba::gateway
