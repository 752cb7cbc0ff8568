#include "feature/chat/message_access.hpp"

#include "feature/chat/queries.hpp"

namespace indaba::chat {

namespace {

constexpr Millis kAuthorMayChangeFor = std::chrono::hours(24);

}  // namespace

Error no_such_message() {
  return Error(ErrorKind::not_found, "There is no such message.");
}

Result<Subject> subject_of(db::Session& session, const MessagePlace& place,
                           const auth::Principal& caller) {
  auto standing = standing_of(session, place.room, caller);
  if (!standing && standing.error().kind == ErrorKind::not_found) return no_such_message();
  if (!standing) return standing.error();
  INDABA_TRY(auto message, queries::find_message(session, place.room.room, place.id));
  // One without a place is of this very group: nobody has been told of it yet.
  if (!message || message->seq == Seq()) return no_such_message();
  return Subject{*std::move(standing), *std::move(message)};
}

Result<void> check_there(const MessageRow& message) {
  if (!message.deleted_at) return {};
  return Error(ErrorKind::conflict, "message_deleted", "This message was deleted.");
}

Result<void> may_change(const Subject& subject, const auth::Principal& caller, WallTime now) {
  if (subject.standing.moderates()) return {};
  if (subject.message.author.id != caller.user)
    return Error(ErrorKind::forbidden, "This message is somebody else's.");
  if (now - subject.message.created_at > kAuthorMayChangeFor)
    return Error(ErrorKind::forbidden, "A message can be changed for 24 hours.");
  return {};
}

Result<void> may_moderate(const Subject& subject) {
  if (subject.standing.moderates()) return {};
  return Error(ErrorKind::forbidden, "Your role in this organisation does not allow this.");
}

}  // namespace indaba::chat
