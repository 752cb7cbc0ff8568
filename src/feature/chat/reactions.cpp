// Reactions to messages.
#include "feature/chat/message_access.hpp"
#include "feature/chat/queries.hpp"

namespace indaba::chat {

namespace {

constexpr std::int64_t kMostEmoji = 50;  // different ones on a message

Result<void> check_room_for(db::Session& session, MessageId message, const std::string& emoji) {
  INDABA_TRY(const auto others, queries::count_other_emoji(session, message, emoji));
  if (others < kMostEmoji) return {};
  return Error(ErrorKind::conflict, "too_many_reactions",
               "A message has at most 50 different reactions.");
}

void tell(db::WriteTx& tx, const Subject& subject, std::string_view type, const std::string& emoji,
          const auth::Principal& caller) {
  std::string body;
  json::append_member(body, "id", subject.message.id);
  json::append_member(body, "emoji", emoji);
  json::append_name(body, "user");
  body += json::to_json(Person{caller.user, caller.username});
  tx.append({subject.standing.room.stream, std::string(type), std::move(body), {}});
}

}  // namespace

Task<Result<ReactionList>> Chat::react(MessageId id, auth::Principal caller, Emoji emoji,
                                       bool remove) {
  if (!caller.is_user()) co_return Error(ErrorKind::forbidden, "Reactions are people's.");
  auto placing = message_place(id);
  INDABA_CO_TRY(const auto place, co_await placing);
  auto change = [now = parts_.clock.wall(), place, caller, emoji,
                 remove](db::WriteTx& tx) -> Result<ReactionList> {
    auto& sql = tx.sql();
    INDABA_TRY(const auto subject, subject_of(sql, place, caller));
    INDABA_TRY_VOID(check_there(subject.message));
    INDABA_TRY_VOID(may_write(sql, subject.standing, caller));
    bool changed = false;
    if (remove) {
      INDABA_TRY(changed, queries::delete_reaction(sql, place.id, emoji.str(), caller.user));
    } else {
      INDABA_TRY_VOID(check_room_for(sql, place.id, emoji.str()));
      INDABA_TRY(changed, queries::insert_reaction(sql, place.id, emoji.str(), caller.user, now));
    }
    if (changed)
      tell(tx, subject, remove ? "reaction_removed" : "reaction_added", emoji.str(), caller);
    ReactionList list;
    INDABA_TRY(list.reactions, queries::list_reactions(sql, place.id, caller.user));
    return list;
  };
  auto writing = parts_.database.write(place.room.shard(), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

}  // namespace indaba::chat
