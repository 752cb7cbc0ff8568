// What a user wants to be told of in a room or a conversation.
#include "feature/chat/access.hpp"
#include "feature/chat/conversations.hpp"
#include "feature/chat/queries.hpp"

namespace indaba::chat {

Task<Result<RoomPreferences>> Chat::preferences(Place place, auth::Principal caller) {
  if (!caller.is_user()) co_return Error(ErrorKind::forbidden, "Preferences are people's.");
  auto query = [place, caller](db::Session& session) -> Result<RoomPreferences> {
    INDABA_TRY(const auto standing, standing_of(session, place, caller));
    return queries::find_preferences(session, standing.room, caller.user);
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

Task<Result<RoomPreferences>> Chat::set_preferences(Place place, auth::Principal caller,
                                                    RoomPreferences wanted) {
  if (!caller.is_user()) co_return Error(ErrorKind::forbidden, "Preferences are people's.");
  auto change = [parts = &parts_, place, caller,
                 wanted](db::WriteTx& tx) -> Result<RoomPreferences> {
    INDABA_TRY(auto standing, standing_of(tx.sql(), place, caller));
    if (!standing.room.id) {  // whoever wants to hear nothing may say so before the first word
      INDABA_TRY_VOID(
          chat::begin_conversation(tx, standing, caller.user, parts->clock, parts->random));
    }
    INDABA_TRY_VOID(queries::set_preferences(tx.sql(), standing.room.id, caller.user, wanted));
    return wanted;
  };
  auto writing = parts_.database.write(place.shard(), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

}  // namespace indaba::chat
