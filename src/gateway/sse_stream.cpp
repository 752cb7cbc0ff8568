#include "gateway/sse_stream.hpp"

#include "sse/event_writer.hpp"

#include <algorithm>

namespace indaba::gateway {

namespace {

constexpr Millis kCommentEvery{15'000};
constexpr Millis kRetry{2'000};

}  // namespace

SseStream::SseStream(Gateway& gateway, LoopContext& context, net::Connection& connection,
                     EventRequest& request)
    : gateway_(gateway),
      context_(context),
      connection_(connection),
      principal_(request.principal),
      place_(std::move(request.place)),
      self_(std::make_shared<SseStream*>(this)) {}

SseStream::~SseStream() {
  if (!closed_) release();
}

void SseStream::begin(const EventRequest& request) {
  context_.add(*this);
  gateway_.parts.presence.connect(principal_.user, principal_.username);
  std::string out;
  sse::append_retry(out, kRetry);
  connection_.send(net::Frame::of(out));
  for (const auto& [resolved, start] : request.streams) {
    Followed followed;
    followed.subscription =
        context_.hub.subscribe(*this, resolved.id, resolved.name, resolved.durable);
    followed.org = resolved.org;
    followed.follow = gateway_.parts.followed.follow(resolved, principal_.user);
    gateway_.parts.presence.follows(principal_.user, resolved.org);
    followed.position.stream = resolved.name;
    followed.position.id = resolved.id;
    followed_.push_back(std::move(followed));
  }
  for (std::size_t i = 0; i < request.streams.size(); ++i)
    context_.hub.start(*followed_[i].subscription, request.streams[i].start);
  for (const auto& change : request.access->missed()) on_access_change(change);
  connection_.arm_timer(kCommentEvery);
}

// --- from the engine
// ------------------------------------------------------------------------------------------------------------

bool SseStream::can_take() const {
  return open_ && !closed_ && connection_.queued() < context_.settings.outbox_bytes;
}

SseStream::Followed* SseStream::find(const stream::Subscription& subscription) {
  for (auto& followed : followed_)
    if (followed.subscription.get() == &subscription) return &followed;
  return nullptr;
}

void SseStream::on_subscribed(stream::Subscription& subscription, const stream::StreamState& state,
                              Seq since) {
  auto* followed = find(subscription);
  if (closed_ || followed == nullptr) return;
  followed->started = true;
  followed->position.seq = since;
  followed->position.epoch = state.epoch;
  followed->head = state.head;
  // The hub is in the middle of starting this one: what opening does to the others waits for the
  // end of it.
  context_.loop.post([weak = std::weak_ptr(self_)] {
    if (const auto self = weak.lock()) (*self)->open_if_all_started();
  });
}

void SseStream::open_if_all_started() {
  if (open_ || closed_ ||
      !std::all_of(followed_.begin(), followed_.end(), [](const auto& f) { return f.started; }))
    return;
  open_ = true;
  std::string streams = "{";
  for (const auto& followed : followed_) {
    std::string one = "{";
    json::append_member(one, "epoch", followed.position.epoch);
    json::append_member(one, "head", followed.head);
    json::append_member(one, "since", followed.position.seq);
    if (streams.size() > 1) streams += ',';
    json::append_string(streams, followed.position.stream);
    streams += ':' + one + '}';
  }
  FrameText subscribed("subscribed");
  subscribed.raw("streams", streams + "}");
  send("subscribed", cursor(), std::move(subscribed).finish());
  for (const auto& reset : early_resets_) send("reset", cursor(), reset);
  early_resets_.clear();
  for (auto& followed : followed_) context_.hub.resume(*followed.subscription);
}

void SseStream::on_reset(stream::Subscription& subscription, stream::ResetReason reason,
                         const stream::StreamState& state) {
  auto* followed = find(subscription);
  if (closed_ || followed == nullptr) return;
  followed->position.seq = state.head;
  followed->position.epoch = state.epoch;
  auto text = reset_object("reset", subscription.name(), reason, state);
  if (open_)
    send("reset", cursor(), text);
  else
    early_resets_.push_back(std::move(text));
}

void SseStream::on_event(stream::Subscription& subscription, stream::Rendering& event) {
  auto* followed = find(subscription);
  if (closed_ || followed == nullptr) return;
  if (event.event().seq != Seq{}) {
    followed->position.seq = event.event().seq;
    connection_.send(net::Frame::of({"id: ", cursor(), "\n"}));
  }
  connection_.send(subscription.frame(event, context_.sse));
}

void SseStream::on_gone(stream::Subscription& subscription) {
  context_.loop.post([weak = std::weak_ptr(self_), id = subscription.stream()] {
    if (const auto self = weak.lock())
      (*self)->end_one(id, ws::CloseCode::not_found, "The stream is gone.");
  });
}

void SseStream::on_drained() {
  if (closed_) return;
  for (auto& followed : followed_) context_.hub.resume(*followed.subscription);
}

// --- sending
// --------------------------------------------------------------------------------------------------------------------

std::string SseStream::cursor() const {
  std::vector<Position> positions;
  positions.reserve(followed_.size());
  for (const auto& followed : followed_) positions.push_back(followed.position);
  return gateway_.parts.cursors.seal(positions);
}

void SseStream::send(std::string_view name, std::string_view id, std::string_view data) {
  std::string out;
  sse::append_event(out, name, id, data);
  connection_.send(net::Frame::of(out));
}

void SseStream::on_timer() {
  if (closed_) return;
  const auto now = context_.loop.now();
  if (connection_.queued() > 0 &&
      now - connection_.last_progress() >= context_.settings.stall_timeout)
    return connection_.abort();
  if (principal_.expires_at && *principal_.expires_at <= gateway_.parts.clock.wall())
    return close(ws::CloseCode::unauthenticated, "The token has expired.");
  if (can_take()) {
    std::string out;
    if (++ticks_ % 2 == 0) {
      FrameText beat("heartbeat");
      beat.member("timestamp", gateway_.parts.clock.wall());
      sse::append_event(out, "heartbeat", {}, std::move(beat).finish());
    } else {
      sse::append_comment(out, "");
    }
    connection_.send(net::Frame::of(out));
  }
  auto next = kCommentEvery;
  if (principal_.expires_at)
    next = std::min(next, *principal_.expires_at - gateway_.parts.clock.wall() + Millis(1));
  connection_.arm_timer(next);
}

// --- ending
// ---------------------------------------------------------------------------------------------------------------------

void SseStream::on_access_change(const api::AccessChange& change) {
  if (closed_) return;
  if (std::holds_alternative<api::AccessUnknown>(change))
    return close(ws::CloseCode::going_away, kAskedAnew, gateway_.reconnect_after());
  if (const auto end = ends_principal(change, principal_)) {
    if (*end == AccessEnd::unauthenticated)
      return close(ws::CloseCode::unauthenticated, "The session has ended.");
    return close(ws::CloseCode::access_lost, "Access has ended.");
  }
  std::vector<std::pair<StreamId, StreamEnd>> ending;
  bool unsure = false;
  for (const auto& followed : followed_) {
    const StreamAccess stream{followed.subscription->stream(), followed.org,
                              followed.follow.peer()};
    if (const auto end = ends_stream(change, principal_, stream); end != StreamEnd::keeps)
      ending.emplace_back(stream.id, end);
    else
      unsure = unsure || may_end_stream(change, principal_, stream);
  }
  for (const auto& [stream, end] : ending)
    end_one(stream,
            end == StreamEnd::org_gone ? ws::CloseCode::not_found : ws::CloseCode::access_lost,
            "Access has ended.");
  // Readers of a stream whose rules changed come back and are asked anew; an event stream cannot be
  // asked in between.
  if (unsure && !closed_) close(ws::CloseCode::going_away, "The stream's rules changed.", 1);
}

void SseStream::on_drain(std::int64_t reconnect_after_ms) {
  close(ws::CloseCode::going_away, "The server is going away.", reconnect_after_ms);
}

void SseStream::end_one(StreamId stream, ws::CloseCode code, std::string_view sentence) {
  if (closed_) return;
  if (followed_.size() == 1) return close(code, sentence);
  const auto found = std::find_if(followed_.begin(), followed_.end(), [&](const auto& f) {
    return f.subscription->stream() == stream;
  });
  if (found == followed_.end()) return;
  FrameText ended("unsubscribed");
  ended.member("stream", found->position.stream)
      .member("code", static_cast<int>(code))
      .member("reason", ws::close_reason(code, sentence));
  followed_.erase(found);
  send("unsubscribed", {}, std::move(ended).finish());
}

void SseStream::close(ws::CloseCode code, std::string_view sentence,
                      std::int64_t reconnect_after_ms) {
  if (closed_) return;
  FrameText bye("goodbye");
  bye.member("reason",
             code == ws::CloseCode::going_away ? std::string_view("shutdown") : ws::slug(code))
      .member("code", static_cast<int>(code))
      .member("message", sentence)
      .member("reconnect_after_ms", reconnect_after_ms);
  send("goodbye", {}, std::move(bye).finish());
  connection_.close_after_flush();
  release();
}

void SseStream::on_closed() {
  if (!closed_) release();
}

void SseStream::release() {
  closed_ = true;
  context_.remove(*this);
  gateway_.parts.presence.disconnect(principal_.user);
  place_ = {};
  self_.reset();
  followed_.clear();
}

}  // namespace indaba::gateway
