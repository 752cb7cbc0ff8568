#include "gateway/ws_protocol.hpp"

#include "gateway/gateway.hpp"
#include "ws/frame_header.hpp"

namespace indaba::gateway {

namespace {

constexpr int kControlFramesASecond = 100;

}  // namespace

WsProtocol::WsProtocol(Gateway& gateway, LoopContext& context, net::Connection& connection,
                       bool deflate)
    : gateway_(gateway),
      context_(context),
      connection_(connection),
      reader_(context.settings.reader, deflate ? &context.inflater : nullptr),
      deflate_(deflate) {
  // Spread over connections: ten thousand that came back together must not beat together.
  const auto& heartbeat = context.settings.heartbeat;
  const Millis first(1 + static_cast<std::int64_t>(gateway.parts.random.below(
                             static_cast<std::uint64_t>(heartbeat.count()))));
  heartbeat_due_ = Heartbeat::together(context.loop.now() + first, heartbeat);
}

WsProtocol::~WsProtocol() = default;

void WsProtocol::begin(Opening opening, std::vector<api::AccessChange> missed) {
  session_ = std::make_shared<Session>(gateway_, context_, *this, std::move(opening));
  connection_.tell_drained_once();
  session_->open();
  for (const auto& change : missed) session_->on_access_change(change);
  connection_.arm_timer(next_look());
}

void WsProtocol::refuse(net::Connection& connection, ws::CloseCode code,
                        std::string_view sentence) {
  connection.send(ws::make_close_frame(code, ws::close_reason(code, sentence)));
  connection.close_after_flush();
}

// --- bytes
// ----------------------------------------------------------------------------------------------------------------------

void WsProtocol::on_bytes(std::span<char> bytes) {
  if (session_->closed()) return;
  const auto outcome = reader_.read(bytes, *this);
  if (outcome.status == ws::ReadOutcome::Status::failed)
    session_->close(outcome.code, outcome.sentence);
}

bool WsProtocol::on_text(std::string_view text) {
  session_->on_text(text);
  return !session_->closed();
}

bool WsProtocol::on_binary(std::string_view) {
  session_->close(ws::CloseCode::unsupported_data, "This server speaks text.");
  return false;
}

bool WsProtocol::on_ping(std::string_view payload) {
  const auto verdict = control_budget_.take(context_.loop.now(), kControlFramesASecond);
  if (verdict == FrameBudget::Verdict::far_over) {
    session_->close(ws::CloseCode::too_many, "Far too many pings.");
    return false;
  }
  // Over the budget a ping goes unanswered, and so does one whose answer the client does not read:
  // RFC 6455, 5.5.3, lets us answer only the latest.
  if (verdict == FrameBudget::Verdict::ok && can_take())
    connection_.send(ws::make_frame(ws::Opcode::pong, payload));
  return true;
}

bool WsProtocol::on_pong(std::string_view) {
  if (pinged_at_ == MonoTime{}) return true;  // unasked: allowed, and nothing to us
  pinged_at_ = {};
  session_->on_pong();
  if (!session_->closed()) connection_.arm_timer(next_look());  // not for this ping any more
  return true;
}

bool WsProtocol::on_close(ws::CloseCode code, std::string_view) {
  session_->on_client_close(code);
  return false;
}

// --- the other direction
// --------------------------------------------------------------------------------------------------------

bool WsProtocol::can_take() const {
  return connection_.queued() < context_.settings.outbox_bytes;
}

stream::WireFormat& WsProtocol::format() {
  if (deflate_) return context_.deflated;
  return context_.text;
}

void WsProtocol::close(ws::CloseCode code, std::string_view reason, Millis linger) {
  // A reader that does not read would have to take all that waits before it learns why it is
  // closed.
  if (code == ws::CloseCode::stalled) {
    connection_.discard_unsent();
    connection_.send(
        ws::make_frame(ws::Opcode::text, goodbye_frame(ws::slug(code), session_->count(), 0)));
  }
  connection_.send(ws::make_close_frame(code, reason));
  connection_.close_after_flush(linger);
}

void WsProtocol::on_drained() {
  session_->on_drained();
}

void WsProtocol::on_closed() {
  session_->on_lost();
}

// --- clocks
// ---------------------------------------------------------------------------------------------------------------------

bool WsProtocol::stalled() const {
  return connection_.queued() > 0 &&
         context_.loop.now() - connection_.last_progress() >= context_.settings.stall_timeout;
}

void WsProtocol::on_timer() {
  if (session_->closed()) return;
  const auto now = context_.loop.now();
  const auto& settings = context_.settings;
  const auto expires = session_->expires_at();
  if (expires && *expires <= gateway_.parts.clock.wall())
    return session_->close(ws::CloseCode::unauthenticated, "The token has expired.");
  if (stalled())
    return session_->close(ws::CloseCode::stalled, "The queue has not moved for too long.");
  if (pinged_at_ != MonoTime{} && now - pinged_at_ >= settings.pong_timeout) {
    // What waits in the queue is judged by whether the queue moves; here everything is written, and
    // nothing came back.
    if (connection_.last_received() < pinged_at_ && connection_.queued() == 0)
      return session_->close(ws::CloseCode::no_pong, "No answer to a ping.");
    pinged_at_ = {};
  }
  if (now >= heartbeat_due_) write_heartbeat();
  connection_.arm_timer(next_look());
}

void WsProtocol::write_heartbeat() {
  const auto now = context_.loop.now();
  const auto& interval = context_.settings.heartbeat;
  heartbeat_due_ = Heartbeat::together(now + interval, interval);
  if (!can_take()) return;
  connection_.send(context_.heartbeat.frame(now, gateway_.parts.clock.wall()));
  context_.frames_out.add("heartbeat");
  session_->on_ping_written();
  if (pinged_at_ == MonoTime{}) pinged_at_ = now;  // else the answer to an earlier one is awaited
}

Millis WsProtocol::next_look() const {
  const auto now = context_.loop.now();
  const auto& settings = context_.settings;
  auto next = heartbeat_due_ - now;
  if (pinged_at_ != MonoTime{}) next = std::min(next, pinged_at_ + settings.pong_timeout - now);
  if (connection_.queued() > 0)
    next = std::min(next, connection_.last_progress() + settings.stall_timeout - now);
  if (const auto expires = session_->expires_at())
    next = std::min(next, *expires - gateway_.parts.clock.wall());
  return std::clamp(next, Millis(10), Millis(30'000));
}

}  // namespace indaba::gateway
