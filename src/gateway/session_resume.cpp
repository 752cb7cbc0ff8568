// Session: what is saved of it, and how it comes back.
#include "gateway/gateway.hpp"
#include "gateway/session.hpp"

namespace indaba::gateway {

std::optional<SavedSession> Session::snapshot() const {
  if (!heard_) return std::nullopt;
  auto positions = subscriptions_.positions();
  positions.insert(positions.end(), restoring_.begin(), restoring_.end());
  return SavedSession{principal_.user, session_uuid_, count_, std::move(positions), {}};
}

// What a client says, it says after `welcome`.
void Session::on_heard() {
  if (!std::exchange(heard_, true)) save_soon();
}

void Session::save_soon() {
  if (save_queued_ || closed_) return;
  save_queued_ = true;
  context_.save_queue.add(weak_from_this());
}

void Session::save() {
  save_queued_ = false;
  // Whatever would be missing is saved when it has begun, together with the rest.
  if (withdrawing_ || !subscriptions_.all_have_positions()) return;
  auto session = snapshot();
  if (!session) return;
  saved_ = true;
  saved_at_ = context_.loop.now();
  gateway_.parts.resume.save(*std::move(session), ResumeStore::Connection::open);
}

// Before more is followed than what is saved knows (see ResumeStore::withdraw). Most sessions
// follow all they ever will before anything is saved of them.
Task<void> Session::withdraw_saved() {
  saved_ = false;
  withdrawing_ = true;
  auto withdrawing = gateway_.parts.resume.withdraw(principal_.user, session_uuid_, count_);
  co_await withdrawing;
  withdrawing_ = false;
  save_soon();
}

// One stream of the session before. A position that this connection asked for wins, by whatever
// name it did.
Task<Result<void>> Session::follow_again(SavedPosition position) {
  auto finding = find_stream(position.stream, position.id, position.org);
  auto found = co_await finding;
  if (closed_) co_return Result<void>();
  if (!found) co_return found.error();
  if (const auto* live = subscriptions_.find(found->id)) {
    if (asks_for_a_position(live->start)) co_return Result<void>();
    found->name = live->subscription->name();
  }
  subscribe_now(*found, {position.seq, position.epoch}, AnswerTo{{}, count_});
  save_soon();
  co_return Result<void>();
}

Task<void> Session::restore(std::vector<SavedPosition> positions) {
  // What is not followed again yet stays part of the session, should the connection end before.
  restoring_ = std::move(positions);
  while (!restoring_.empty()) {
    const SavedPosition position = restoring_.front();
    auto following = follow_again(position);
    const auto followed = co_await following;
    if (closed_) co_return;
    if (!followed && (followed.error().kind == ErrorKind::unavailable ||
                      followed.error().kind == ErrorKind::internal))
      co_return close(ws::CloseCode::internal_error, "The streams cannot be read at this moment.");
    restoring_.erase(restoring_.begin());
    if (followed || subscriptions_.find(position.stream) != nullptr) continue;
    // It was the client's before: silence would leave it waiting for ever.
    FrameText frame("unsubscribed");
    frame.member("stream", position.stream)
        .member("code", static_cast<int>(ws::CloseCode::not_found))
        .member("reason",
                ws::close_reason(ws::CloseCode::not_found, "There is no such stream any more."));
    send_text("unsubscribed", std::move(frame).finish());
  }
}

}  // namespace indaba::gateway
