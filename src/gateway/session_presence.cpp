// Session: what clients ask and say about who is there.
#include "base/json.hpp"
#include "gateway/client_frames.hpp"
#include "gateway/gateway.hpp"
#include "gateway/session.hpp"

namespace indaba::gateway {

namespace {

std::string presence_state(std::string_view stream, const presence::State& state) {
  std::string users = "[";
  for (const auto& person : state.users) {
    std::string user = "{";
    json::append_member(user, "id", person.id);
    json::append_member(user, "username", person.username);
    users += (users.size() > 1 ? "," : "") + user + '}';
  }
  std::string members;
  json::append_member(members, "stream", stream);
  json::append_member(members, "users", json::Raw{users + "]"});
  json::append_member(members, "count_online", state.count_online);
  return members;
}

Error not_subscribed() {
  return Error(ErrorKind::conflict, "not_subscribed",
               "This connection does not follow that stream.");
}

}  // namespace

void Session::on_presence(boost::json::object frame, const AnswerTo& to) {
  const auto read = json::read<PresenceFrame>(boost::json::value(std::move(frame)));
  if (!read) return refuse(read.error(), to);
  auto* live = named(read->stream, to);
  if (live == nullptr) return;
  errors_in_row_ = 0;
  begin(std::make_unique<FrameQueue::Turn>(),
        serve_presence({live->subscription->stream(), live->org, live->follow.peer()}, to));
}

Task<void> Session::serve_presence(presence::Viewpoint place, AnswerTo to) {
  auto asking = gateway_.parts.presence_views.of_stream(place, user_);
  const auto state = co_await asking;
  if (closed_) co_return;
  const auto* live = subscriptions_.find(place.stream);
  if (!state) {
    refuse(state.error(), to);
  } else if (live == nullptr) {
    refuse(not_subscribed(), to);
  } else {
    FrameText out("presence_state");
    out.members(presence_state(live->subscription->name(), *state));
    answer(std::move(out), to);
  }
}

void Session::on_typing(boost::json::object frame, const AnswerTo& to) {
  const auto read = json::read<TypingFrame>(boost::json::value(std::move(frame)));
  if (!read) return refuse(read.error(), to);
  if (!principal_.is_user()) return refuse(Error(ErrorKind::forbidden, "Only people type."), to);
  auto* live = named(read->stream, to);
  if (live == nullptr) return;
  const auto& settings = context_.settings;
  const auto stream = live->subscription->stream();
  if (!presence::is_written_on(live->subscription->name()))
    return refuse(Error(ErrorKind::forbidden, "Nobody writes on this stream."), to);
  if (settings.rate_limits &&
      !typing_budget_.take(context_.loop.now(), settings.typing_per_second)) {
    return refuse(
        Error::rate_limited("Too many typing frames a second.", settings.typing_per_second,
                            typing_budget_.until_next(context_.loop.now())),
        to);
  }
  errors_in_row_ = 0;
  if (const auto peer = live->follow.peer(); peer && read->is_typing)
    return begin(std::make_unique<FrameQueue::Turn>(), serve_typing(stream, peer, to));
  if (read->is_typing)
    types_on(stream);
  else
    gateway_.parts.typing.stop(stream, user_);
  if (!to.ref.empty()) answer(FrameText("ok"), to);
}

void Session::types_on(StreamId stream) {
  auto& typing = gateway_.parts.typing;
  if (typing_device_ == 0) typing_device_ = typing.new_device();
  typing.start(stream, user_, principal_.username, typing_device_);
}

// To one person: who may have blocked this one, and must not be told so.
Task<void> Session::serve_typing(StreamId stream, UserId peer, AnswerTo to) {
  auto asking = gateway_.parts.presence_views.blocked(user_, peer);
  const auto blocked = co_await asking;
  if (closed_) co_return;
  if (!blocked) {
    refuse(blocked.error(), to);
    co_return;
  }
  if (!*blocked && subscriptions_.find(stream) != nullptr) types_on(stream);
  if (!to.ref.empty()) answer(FrameText("ok"), to);
}

}  // namespace indaba::gateway
