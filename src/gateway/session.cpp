// Session: its life, and what the stream engine tells it. What clients say is in
// session_frames.cpp.
#include "gateway/session.hpp"

#include "gateway/gateway.hpp"
#include "net/connection.hpp"
#include "ws/frame_header.hpp"

namespace indaba::gateway {

namespace {

constexpr std::string_view kOrgs = "orgs/";
// A client that stopped reading gets this long to find out why, once it reads again.
constexpr Millis kLingerStalled{60'000};
constexpr Millis kLinger{5'000};

}  // namespace

Session::Session(Gateway& gateway, LoopContext& context, SocketTransport& transport,
                 Opening opening)
    : connection_(&transport.connection()),
      format_(&transport.format()),
      context_(context),
      gateway_(gateway),
      transport_(&transport),
      principal_(std::move(opening.principal)),
      place_(std::move(opening.place)),
      user_(principal_.user),
      connection_id_(opening.connection_id),
      session_uuid_(std::move(opening.session_uuid)),
      counter_(opening.counter),
      opened_at_(context.loop.now()) {
  if (opening.url_stream) {
    url_stream_ = opening.url_stream->name;
    url_stream_id_ = opening.url_stream->id;
    org_ = opening.url_stream->org;
    if (org_ && !url_stream_.starts_with(kOrgs))
      other_org_slug_ = std::make_unique<std::string>(opening.url_stream->org_slug);
  }
  if (opening.client_address != connection_->peer_address())
    client_address_ = std::make_unique<std::string>(std::move(opening.client_address));
  opening_ = std::make_unique<Opening>(std::move(opening));
}

Session::~Session() = default;

std::string_view Session::org_slug() const noexcept {
  if (other_org_slug_) return *other_org_slug_;
  if (!url_stream_.starts_with(kOrgs)) return {};
  const auto rest = std::string_view(url_stream_).substr(kOrgs.size());
  return rest.substr(0, rest.find('/'));
}

// --- opening
// --------------------------------------------------------------------------------------------------------------------

void Session::open() {
  const auto opening = std::move(opening_);
  context_.add(*this);
  gateway_.parts.presence.connect(user_, principal_.username);
  gateway_.stats.opened.fetch_add(1, std::memory_order_relaxed);
  gateway_.stats.active.fetch_add(1, std::memory_order_relaxed);
  gateway_.open_sessions.replace(*this);
  if (opening->saved) count_ = opening->saved->count;
  heard_ = !opening->anew;
  saved_ = opening->saved.has_value() && !opening->withdrawn;
  gateway_.parts.log.info("gateway", "connection opened",
                          {{"connection_id", connection_id_.text()},
                           {"user_id", principal_.user},
                           {"org_id", org_},
                           log_unless_empty("org_slug", org_slug())});
  if (opening->welcome) {
    FrameText welcome("welcome");
    welcome.member("connection_id", connection_id_.text())
        .member("session_uuid", session_uuid_)
        .member("resumed", opening->saved.has_value())
        .member("count", count_);
    if (principal_.is_user()) {
      std::string user = "{";
      json::append_member(user, "id", principal_.user);
      json::append_member(user, "username", principal_.username);
      welcome.raw("user", user + "}");
    }
    if (opening->url_stream && opening->url_stream->org) {
      std::string org = "{";
      json::append_member(org, "id", opening->url_stream->org);
      json::append_member(org, "slug", opening->url_stream->org_slug);
      welcome.raw("org", org + "}");
    }
    const auto& settings = context_.settings;
    std::string limits = "{";
    json::append_member(limits, "message_chars", settings.message_chars);
    json::append_member(limits, "frame_bytes", settings.reader.max_frame_bytes);
    json::append_member(limits, "messages_per_minute", settings.messages_per_minute);
    welcome
        .member("heartbeat_seconds",
                std::chrono::duration_cast<std::chrono::seconds>(settings.heartbeat).count())
        .member("server_time", gateway_.parts.clock.wall())
        .raw("limits", limits + "}");
    send_text("welcome", std::move(welcome).finish());
  }
  auto saved = opening->saved ? std::move(opening->saved->positions) : std::vector<SavedPosition>();
  if (opening->url_stream) {
    auto start = std::move(opening->start);
    const auto same = [&](const auto& position) { return position.is_of(*opening->url_stream); };
    for (const auto& position : saved)  // a position in the URL wins over one that was saved
      if (same(position) && !asks_for_a_position(start)) start = {position.seq, position.epoch, 0};
    std::erase_if(saved, same);
    subscribe_now(*opening->url_stream, start, AnswerTo{{}, count_});
  }
  if (!saved.empty()) {
    // Frames wait until what was followed before is followed again.
    auto turn = std::make_unique<FrameQueue::Turn>();
    turn->since = {};  // no frame's work: not measured
    begin(std::move(turn), restore(std::move(saved)));
  }
  save_soon();
}

void Session::subscribe_now(const api::ResolvedStream& resolved, const stream::Start& start,
                            AnswerTo to) {
  LiveSubscription live;
  live.subscription = context_.hub.subscribe(*this, resolved.id, resolved.name, resolved.durable);
  live.org = resolved.org;
  live.durable = resolved.durable;
  live.start = start;
  live.follow = gateway_.parts.followed.follow(resolved, user_);
  gateway_.parts.presence.follows(user_, resolved.org);
  live.answer = std::make_unique<AnswerTo>(std::move(to));
  const auto* already = subscriptions_.find(resolved.id);
  auto& added = already != nullptr ? subscriptions_.replace(*already, std::move(live))
                                   : subscriptions_.add(std::move(live));
  auto& subscription = *added.subscription;
  context_.hub.start(subscription, start);
}

// --- from the stream engine
// -----------------------------------------------------------------------------------------------------

void Session::on_subscribed(stream::Subscription& subscription, const stream::StreamState& state,
                            Seq since) {
  if (closed_) return;
  auto* live = subscriptions_.find(subscription);
  live->confirmed = since;
  const auto to = live->answer ? *std::exchange(live->answer, {}) : AnswerTo{};
  FrameText frame("subscribed");
  frame.member("stream", subscription.name())
      .member("epoch", state.epoch)
      .member("head", state.head)
      .member("since", since);
  answer(std::move(frame), to);
  save_soon();
}

void Session::on_reset(stream::Subscription& subscription, stream::ResetReason reason,
                       const stream::StreamState& state) {
  if (closed_) return;
  if (auto* live = subscriptions_.find(subscription)) live->confirmed = live->acked = Seq{};
  send_text("reset", reset_object("reset", subscription.name(), reason, state));
}

bool Session::can_take() const {
  if (closed_) return false;
  if (connection_->queued() < context_.settings.outbox_bytes) return true;
  connection_->tell_drained_once();
  return false;
}

void Session::on_event(stream::Subscription& subscription, stream::Rendering& event) {
  if (closed_) return;
  ++frames_out_;
  context_.frames_out.add_events(1);
  connection_->send(subscription.frame(event, *format_));
}

void Session::on_batch(stream::Subscription& subscription, stream::Batch& batch) {
  if (closed_) return;
  frames_out_ += static_cast<std::uint32_t>(batch.size());
  context_.frames_out.add_events(batch.size());
  const auto& frame = subscription.frame(batch, *format_);
  // Where this is all that the tick brings, it need not be queued until the tick's end.
  if (batch.alone())
    connection_->send_now(frame);
  else
    connection_->send(frame);
}

void Session::on_gone(stream::Subscription& subscription) {
  // The hub is walking its lists: what this ends is ended in a moment.
  context_.loop.post([self = shared_from_this(), stream = subscription.stream()] {
    if (self->closed_) return;
    if (auto* live = self->subscriptions_.find(stream))
      self->end_subscription(*live, ws::CloseCode::not_found, "The stream is gone.");
  });
}

void Session::on_drained() {
  if (closed_) return;
  for (auto& live : subscriptions_) context_.hub.resume(*live.subscription);
}

void Session::on_ping_written() {
  subscriptions_.on_ping_written();
}

void Session::on_pong() {
  on_heard();
  // Ten thousand that only keep their connections open must cost no write a heartbeat.
  const bool old = context_.loop.now() - saved_at_ > context_.settings.session_ttl / 2;
  if (subscriptions_.on_pong() || old) save_soon();
}

// --- access
// ---------------------------------------------------------------------------------------------------------------------

void Session::on_access_change(const api::AccessChange& change) {
  if (closed_) return;
  if (std::holds_alternative<api::AccessUnknown>(change))
    return close(ws::CloseCode::going_away, kAskedAnew, gateway_.reconnect_after());
  if (const auto end = ends_principal(change, principal_)) {
    if (*end == AccessEnd::unauthenticated)
      return close(ws::CloseCode::unauthenticated, "The session has ended.");
    return close(ws::CloseCode::access_lost, "Access has ended.");
  }
  if (may_rename_stream(change, url_stream_id_, org_)) url_name_unsure_ = true;
  std::vector<std::pair<StreamId, StreamEnd>> ending;
  std::vector<StreamId> unsure;
  for (auto& live : subscriptions_) {
    const StreamAccess stream{live.subscription->stream(), live.org, live.follow.peer()};
    if (const auto end = ends_stream(change, principal_, stream); end != StreamEnd::keeps)
      ending.emplace_back(stream.id, end);
    else if (may_end_stream(change, principal_, stream))
      unsure.push_back(stream.id);
  }
  for (const auto& [stream, end] : ending) {
    auto* live = closed_ ? nullptr : subscriptions_.find(stream);
    if (live == nullptr) continue;
    if (end == StreamEnd::lost)
      end_subscription(*live, ws::CloseCode::access_lost,
                       "You are no longer a member of this organisation.");
    else if (end == StreamEnd::shut_out)
      end_subscription(*live, ws::CloseCode::access_lost, "This stream is no longer for you.");
    else
      end_subscription(*live, ws::CloseCode::not_found, "The organisation is gone.");
  }
  for (const auto stream : unsure)
    if (!closed_) spawn(look_again(stream));
}

Task<void> Session::look_again(StreamId stream) {
  const auto self = shared_from_this();
  const auto* before = subscriptions_.find(stream);
  if (before == nullptr) co_return;
  auto resolving = gateway_.parts.names.resolve_again(
      principal_, std::string(before->subscription->name()), stream, before->org);
  const auto resolved = co_await resolving;
  auto* live = closed_ ? nullptr : subscriptions_.find(stream);
  if (live == nullptr || (resolved && resolved->id == stream)) co_return;
  if (!resolved && resolved.error().kind != ErrorKind::not_found &&
      resolved.error().kind != ErrorKind::forbidden)
    co_return;
  end_subscription(*live, ws::CloseCode::access_lost, "This stream is no longer for you.");
}

void Session::end_subscription(LiveSubscription& live, ws::CloseCode code,
                               std::string_view sentence) {
  if (!url_stream_.empty() && subscriptions_.size() == 1) return close(code, sentence);
  FrameText frame("unsubscribed");
  frame.member("stream", live.subscription->name())
      .member("code", static_cast<int>(code))
      .member("reason", ws::close_reason(code, sentence));
  subscriptions_.remove(live);
  send_text("unsubscribed", std::move(frame).finish());
  save_soon();
}

// --- ending
// ---------------------------------------------------------------------------------------------------------------------

void Session::on_drain(std::int64_t reconnect_after_ms) {
  close(ws::CloseCode::going_away, "The server is going away.", reconnect_after_ms);
}

void Session::close(ws::CloseCode code, std::string_view sentence,
                    std::int64_t reconnect_after_ms) {
  if (closed_) return;
  const bool stalled = code == ws::CloseCode::stalled || code == ws::CloseCode::no_pong;
  const std::string_view reason = code == ws::CloseCode::going_away ? "shutdown" : ws::slug(code);
  send_text("goodbye", goodbye_frame(reason, count_, reconnect_after_ms));
  transport_->close(code, ws::close_reason(code, sentence), stalled ? kLingerStalled : kLinger);
  release(code, sentence);
}

void Session::on_client_close(ws::CloseCode code) {
  if (closed_) return;
  send_text("goodbye", goodbye_frame("closed", count_, 0));
  transport_->close(code, {}, kLinger);
  release(code, "closed by the client");
}

void Session::on_lost() {
  transport_ = nullptr;
  connection_ = nullptr;
  format_ = nullptr;
  if (!closed_) release(ws::CloseCode::no_status, "connection lost");
}

void Session::release(ws::CloseCode code, std::string_view reason) {
  if (auto session = snapshot())
    gateway_.parts.resume.save(*std::move(session), ResumeStore::Connection::closed);
  closed_ = true;
  context_.remove(*this);
  gateway_.parts.presence.disconnect(user_);
  if (typing_device_ != 0) gateway_.parts.typing.gone(typing_device_);
  gateway_.open_sessions.remove(*this);
  gateway_.stats.active.fetch_sub(1, std::memory_order_relaxed);
  place_ = {};
  frames_.clear();
  gateway_.parts.log.info("gateway", "connection closed",
                          {{"connection_id", connection_id_.text()},
                           {"user_id", principal_.user},
                           {"close_code", static_cast<int>(code)},
                           {"close_reason", reason},
                           {"org_id", org_},
                           log_unless_empty("org_slug", org_slug()),
                           {"messages_in", count_},
                           {"messages_out", static_cast<std::int64_t>(frames_out_)},
                           {"duration_ms", (context_.loop.now() - opened_at_).count()}});
  // Never from inside a call of the hub's (see stream::Reader): those only queue bytes.
  subscriptions_.clear();
}

// --- sending
// --------------------------------------------------------------------------------------------------------------------

void Session::send_text(std::string_view type, std::string_view json) {
  if (closed_ || connection_ == nullptr) return;
  ++frames_out_;
  context_.frames_out.add(type);
  connection_->send(ws::make_frame(ws::Opcode::text, json));
}

void Session::answer(FrameText frame, const AnswerTo& to) {
  if (!to.ref.empty()) frame.raw("ref", to.ref);
  frame.member("count", to.count);
  const auto type = frame.type();
  send_text(type, std::move(frame).finish());
}

void Session::on_text(std::string_view text) {
  if (closed_) return;
  on_heard();
  ++count_;
  if (frames_.empty() && frames_.may_begin()) return serve(text, count_);
  frames_.wait(text, count_);
  if (!paused_ && frames_.full()) {
    paused_ = true;
    connection_->pause_reading();
  }
}

void Session::serve(std::string_view text, std::int64_t count) {
  const auto since = std::chrono::steady_clock::now();
  serving_ = true;
  answered_ = true;
  handle(text, count);
  serving_ = false;
  if (answered_) observe_served(since);
}

void Session::serve_waiting() {
  if (serving_) return;
  while (!closed_) {
    const auto next = frames_.next();
    if (!next) break;
    serve(next->text, next->count);
  }
  if (paused_ && !closed_ && frames_.half_empty()) {
    paused_ = false;
    connection_->resume_reading();
  }
}

void Session::observe_served(std::chrono::steady_clock::time_point since) {
  if (since == std::chrono::steady_clock::time_point{}) return;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - since;
  gateway_.stats.frame_seconds.observe(took.count());
}

}  // namespace indaba::gateway
