// Session: what clients say. One frame after the other: read, decide, answer.
#include "base/json.hpp"
#include "base/text.hpp"
#include "gateway/client_frames.hpp"
#include "gateway/gateway.hpp"
#include "gateway/pending_access.hpp"
#include "gateway/session.hpp"
#include "net/connection.hpp"

namespace indaba::gateway {

namespace {

constexpr int kMaxErrorsInRow = 20;
constexpr std::size_t kMaxRef = 128;
constexpr std::size_t kMaxClientMessageId = 512;  // bytes

// The client's `ref` as JSON text, to be given back as it came: a short string or a number.
Result<std::string> take_ref(boost::json::object& frame) {
  const auto* ref = frame.if_contains("ref");
  if (ref == nullptr || ref->is_null()) {
    frame.erase("ref");
    return std::string();
  }
  if (!ref->is_string() && !ref->is_int64())
    return Error::invalid_field("ref", "A ref is a string or a whole number.");
  auto text = json::to_text(*ref);
  if (text.size() > kMaxRef)
    return Error::invalid_field("ref", "A ref has at most 126 characters.", "too_long");
  frame.erase("ref");
  return text;
}

}  // namespace

void Session::handle(std::string_view text, std::int64_t count) {
  const auto& settings = context_.settings;
  AnswerTo to{{}, count};
  if (principal_.expires_at && *principal_.expires_at <= gateway_.parts.clock.wall())
    return close(ws::CloseCode::unauthenticated, "The token has expired.");
  auto verdict = FrameBudget::Verdict::ok;
  if (settings.rate_limits) verdict = budget_.take(context_.loop.now(), settings.frames_per_second);
  if (verdict == FrameBudget::Verdict::far_over)
    return close(ws::CloseCode::too_many, "Far too many frames a second.");
  auto parsed = json::parse(text);
  if (!parsed) return refuse(parsed.error(), to);
  if (!parsed->is_object())
    return refuse(Error(ErrorKind::malformed, "A frame is a JSON object."), to);
  auto& frame = parsed->get_object();
  auto ref = take_ref(frame);
  if (!ref) return refuse(ref.error(), to);
  to.ref = *std::move(ref);
  if (verdict == FrameBudget::Verdict::over) {
    return refuse(Error::rate_limited("Too many frames a second.", settings.frames_per_second,
                                      budget_.until_next(settings.frames_per_second)),
                  to);
  }
  const auto* type = frame.if_contains("type");
  const std::string name =
      type != nullptr && type->is_string() ? std::string(type->get_string()) : std::string();
  if (name.empty() && !counter_) {
    if (type == nullptr)
      return refuse(Error::invalid_field("type", "A frame names its type.", "missing_field"), to);
    return refuse(Error::invalid_field("type", "A frame's type is a string."), to);
  }
  dispatch(std::move(frame), name, std::move(to));
}

void Session::dispatch(boost::json::object frame, std::string_view type, AnswerTo to) {
  const bool own = type == "ping" || type == "subscribe" || type == "unsubscribe" ||
                   type == "ack" || type == "auth" || type == "presence" || type == "typing";
  // On the plain counter a message is for a person, or for nobody.
  const auto* receiver = frame.if_contains("receiver_id");
  const bool plain = counter_ && type == "message" && (receiver == nullptr || receiver->is_null());
  const bool feature = !own && !plain && gateway_.parts.frames.knows(type);
  const auto counted = own || feature ? type : std::string_view();
  context_.frames_in.add(counted);
  to.type = FrameCounts::known(counted);
  if (own) frame.erase("type");
  if (type == "ping") {
    if (const auto read = json::read<PingFrame>(boost::json::value(std::move(frame))); !read)
      return refuse(read.error(), to);
    errors_in_row_ = 0;
    return answer(FrameText("pong"), to);
  }
  if (type == "ack") return on_ack(std::move(frame), to);
  if (type == "presence") return on_presence(std::move(frame), to);
  if (type == "typing") return on_typing(std::move(frame), to);
  if (type == "unsubscribe") return on_unsubscribe(std::move(frame), to);
  if (type == "subscribe")
    return begin(std::make_unique<FrameQueue::Turn>(),
                 serve_subscribe(std::move(frame), std::move(to)));
  if (type == "auth")
    return begin(std::make_unique<FrameQueue::Turn>(), serve_auth(std::move(frame), std::move(to)));
  if (feature) {
    auto turn = std::make_unique<FrameQueue::Turn>();
    auto& its_turn = *turn;
    return begin(std::move(turn), serve_feature(std::move(frame), std::move(to), its_turn));
  }
  if (counter_) return count_plainly(frame, to);
  refuse(Error(ErrorKind::invalid, "unknown_type", "There is no frame of this type."), to);
}

// The plain counter takes any object; a message's text still has its limit.
void Session::count_plainly(const boost::json::object& frame, const AnswerTo& to) {
  for (const auto* name : {"body", "message"}) {
    const auto* body = frame.if_contains(name);
    if (body == nullptr || !body->is_string()) continue;
    const auto most = static_cast<std::size_t>(context_.settings.message_chars);
    if (text::count_code_points(std::string_view(body->get_string())) > most)
      return refuse(
          Error::invalid_field(
              name, "A message has at most " + std::to_string(most) + " characters.", "too_long"),
          to);
  }
  errors_in_row_ = 0;
  answer(FrameText("ok"), to);
}

void Session::begin(std::unique_ptr<FrameQueue::Turn> turn, Task<void> work) {
  frames_.begin();
  answered_ = false;
  spawn(run(shared_from_this(), std::move(turn), std::move(work)));
}

void Session::give_way(FrameQueue::Turn& turn) {
  if (closed_ || turn.gave_way) return;
  frames_.give_way(turn);
  // Not here: the frame takes its place only when its handler comes to rest.
  if (!serving_) context_.loop.post([self = shared_from_this()] { self->serve_waiting(); });
}

// Runs what a frame began, then what came meanwhile. Whatever the frame's handler throws is ours to
// answer for.
Task<void> Session::run(std::shared_ptr<Session> self, std::unique_ptr<FrameQueue::Turn> turn,
                        Task<void> work) {
  try {
    co_await work;
  } catch (const std::exception& failure) {
    self->gateway_.parts.log.error("gateway", "a frame could not be served",
                                   {{"connection_id", self->connection_id_.text()},
                                    {"reason", std::string_view(failure.what())}});
    self->close(ws::CloseCode::internal_error, "Something went wrong on our side.");
  }
  self->frames_.end(*turn);
  self->observe_served(turn->since);
  self->serve_waiting();
}

void Session::refuse(const Error& error, const AnswerTo& to) {
  const auto code = api::socket_code(error);
  gateway_.stats.errors.add(to.type, code);
  if (error.kind == ErrorKind::internal)
    gateway_.parts.log.error("gateway", "a frame failed",
                             {{"connection_id", connection_id_.text()}, {"reason", error.log}});
  send_text("error", error_frame(error, to));
  if (error.kind == ErrorKind::rate_limited) return;
  if (++errors_in_row_ >= kMaxErrorsInRow)
    close(ws::CloseCode::too_many, "Too many errors in a row.");
}

// --- the protocol's own frames
// --------------------------------------------------------------------------------------------------

Task<void> Session::serve_subscribe(boost::json::object frame, AnswerTo to) {
  auto read = json::read<SubscribeFrame>(boost::json::value(std::move(frame)));
  if (!read) {
    refuse(read.error(), to);
    co_return;
  }
  std::string name = read->stream ? std::string(*read->stream) : url_stream_;
  if (name.empty()) {
    refuse(Error::invalid_field("stream", "Name the stream.", "missing_field"), to);
    co_return;
  }
  stream::Start start;
  if (read->since) start.since = Seq(static_cast<std::int64_t>(*read->since));
  if (read->epoch) start.epoch = std::string(*read->epoch);
  if (read->last) start.last = static_cast<std::uint32_t>(static_cast<std::int64_t>(*read->last));
  const auto id = read->stream ? StreamId() : url_stream_id_;
  auto following = follow(name, id, org_, start, to);
  auto followed = co_await following;
  if (!followed && followed.error().kind == ErrorKind::not_found && !closed_) {
    // One that this connection follows by that name is called otherwise now.
    if (const auto* live = subscriptions_.find(name)) {
      auto again = follow(name, live->subscription->stream(), live->org, std::move(start), to);
      followed = co_await again;
    }
  }
  if (!followed && !closed_) refuse(followed.error(), to);
}

// `id`: of a stream that this client had before, which stays the same one under another name.
Task<Result<api::ResolvedStream>> Session::find_stream(std::string name, StreamId id, OrgId org) {
  PendingAccess access(context_);
  auto resolving = id ? gateway_.parts.names.resolve_again(principal_, std::move(name), id, org)
                      : gateway_.parts.names.resolve(principal_, std::move(name));
  auto resolved = co_await resolving;
  if (closed_ || !resolved) co_return resolved;
  // What comes back of the session before is what was saved.
  if (saved_ && restoring_.empty() && subscriptions_.find(resolved->id) == nullptr) {
    auto withdrawing = withdraw_saved();
    co_await withdrawing;
    if (closed_) co_return resolved;
  }
  if (access.lost(principal_, *resolved))
    co_return Error(ErrorKind::not_found, "There is no such stream.");
  if (subscriptions_.find(resolved->id) == nullptr &&
      subscriptions_.size() >= context_.settings.subscriptions)
    co_return Error(ErrorKind::conflict, "too_many_subscriptions",
                    "This connection follows as many streams as it may.");
  co_return resolved;
}

Task<Result<void>> Session::follow(std::string name, StreamId id, OrgId org, stream::Start start,
                                   AnswerTo to) {
  auto finding = find_stream(std::move(name), id, org);
  const auto found = co_await finding;
  if (closed_) co_return Result<void>();
  if (!found) co_return found.error();
  errors_in_row_ = 0;
  subscribe_now(*found, start, std::move(to));
  save_soon();
  co_return Result<void>();
}

LiveSubscription* Session::named(const std::optional<json::Text<1, 300>>& name,
                                 const AnswerTo& to) {
  std::string stream = name ? std::string(*name) : url_stream_;
  while (!stream.empty() && stream.back() == '/') stream.pop_back();
  if (stream.empty()) {
    refuse(Error::invalid_field("stream", "Name the stream.", "missing_field"), to);
    return nullptr;
  }
  auto* live = name ? subscriptions_.find(stream) : subscriptions_.find(url_stream_id_);
  if (live == nullptr)
    refuse(Error(ErrorKind::conflict, "not_subscribed",
                 "This connection does not follow that stream."),
           to);
  return live;
}

void Session::on_unsubscribe(boost::json::object frame, const AnswerTo& to) {
  const auto read = json::read<UnsubscribeFrame>(boost::json::value(std::move(frame)));
  if (!read) return refuse(read.error(), to);
  auto* live = named(read->stream, to);
  if (live == nullptr) return;
  errors_in_row_ = 0;
  FrameText ended("unsubscribed");
  ended.member("stream", live->subscription->name());
  subscriptions_.remove(*live);
  answer(std::move(ended), to);
  save_soon();
}

void Session::on_ack(boost::json::object frame, const AnswerTo& to) {
  const auto read = json::read<AckFrame>(boost::json::value(std::move(frame)));
  if (!read) return refuse(read.error(), to);
  auto* live = named(read->stream, to);
  if (live == nullptr) return;
  const Seq seq(static_cast<std::int64_t>(read->seq));
  if (seq > live->subscription->position())
    return refuse(Error::invalid_field("seq", "That event has not been sent on this connection."),
                  to);
  errors_in_row_ = 0;
  live->acked = std::max(live->acked, seq);
  if (live->follow.peer()) gateway_.parts.acks.on_ack(live->subscription->stream(), user_, seq);
  save_soon();
  if (!to.ref.empty()) answer(FrameText("ok"), to);
}

Task<void> Session::serve_auth(boost::json::object frame, AnswerTo to) {
  const auto read = json::read<AuthFrame>(boost::json::value(std::move(frame)));
  if (!read) {
    refuse(read.error(), to);
    co_return;
  }
  PendingAccess access(context_);
  auto checking = gateway_.parts.authenticator.authenticate_socket_token(std::string(read->token));
  auto renewed = co_await checking;
  if (closed_) co_return;
  if (!renewed) {
    refuse(renewed.error(), to);
    co_return;
  }
  if (access.lost(*renewed)) {
    refuse(Error(ErrorKind::forbidden, "The session has ended."), to);
    co_return;
  }
  if (renewed->user != principal_.user || renewed->api_key != principal_.api_key) {
    refuse(Error(ErrorKind::forbidden, "The token is another user's."), to);
    co_return;
  }
  errors_in_row_ = 0;
  principal_ = *std::move(renewed);
  answer(FrameText("ok"), to);
}

// A feature finds a stream by its name, and the URL's may be another one's by now.
Task<Result<void>> Session::look_up_url_name() {
  url_name_unsure_ = false;  // before it is asked for: it may change meanwhile
  auto asking = gateway_.parts.names.name_now(url_stream_id_, org_);
  auto now = co_await asking;
  if (!now) {
    url_name_unsure_ = true;
    co_return now.error();
  }
  // None: of a kind whose names do not change, or gone, which its readers are told elsewhere.
  if (*now) url_stream_now_ = std::make_unique<std::string>(*std::move(*now));
  co_return Result<void>();
}

Task<void> Session::serve_feature(boost::json::object frame, AnswerTo to, FrameQueue::Turn& turn) {
  if (const auto* id = frame.if_contains("client_message_id");
      id != nullptr && id->is_string() && id->get_string().size() <= kMaxClientMessageId)
    to.client_message_id = json::to_text(*id);
  if (url_stream_id_ && (url_name_unsure_ || context_.changes_coming()) &&
      !frame.contains("stream")) {
    auto looking = look_up_url_name();
    const auto known = co_await looking;
    if (closed_) co_return;
    if (!known) {
      refuse(known.error(), to);
      co_return;
    }
  }
  // Both outlive the handler: run() holds them.
  const auto& address = client_address_ ? *client_address_ : connection_->peer_address();
  const auto& stream = url_stream_now_ ? *url_stream_now_ : url_stream_;
  api::FrameArrival arrival{principal_, connection_id_.text(), address,
                            stream,     std::move(frame),      [this, &turn] { give_way(turn); }};
  auto serving = gateway_.parts.frames.dispatch(std::move(arrival));
  const auto reply = co_await serving;
  if (closed_) co_return;
  if (!reply) {
    refuse(reply.error(), to);
    co_return;
  }
  errors_in_row_ = 0;
  if (reply->only_with_ref && to.ref.empty()) co_return;
  FrameText out(reply->type);
  out.members(reply->members);
  answer(std::move(out), to);
}

}  // namespace indaba::gateway
