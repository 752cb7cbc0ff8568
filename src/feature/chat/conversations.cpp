// Conversations of two people: where they begin, and the list of them.
#include "feature/chat/conversations.hpp"

#include "feature/chat/queries.hpp"
#include "stream/event_log.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace indaba::chat {

namespace {

constexpr std::int64_t kMostUnread = 200;

ConversationView view_of(queries::ConversationRow row, std::optional<MessageRow> last) {
  ConversationView view;
  view.stream = conversation_name(row.peer.id);
  view.user = std::move(row.peer);
  view.unread = row.unread;
  view.last_read_seq = row.last_read_seq;
  view.head = row.head;
  if (last) view.last_message = chat::view_of(*std::move(last));
  return view;
}

Result<std::vector<ConversationView>> with_last(db::Session& session,
                                                std::vector<queries::ConversationRow> rows) {
  std::vector<ConversationView> views;
  for (auto& row : rows) {
    INDABA_TRY(auto last, queries::find_message(session, row.room, row.last));
    views.push_back(view_of(std::move(row), std::move(last)));
  }
  return views;
}

}  // namespace

Result<void> begin_conversation(db::WriteTx& tx, Standing& standing, UserId caller,
                                const Clock& clock, Random& random) {
  const stream::NewStream fresh{
      .kind = "conversation", .org = {}, .user = {}, .durable = true, .retention = {}};
  INDABA_TRY(standing.room.stream, stream::create_stream(tx.sql(), fresh, clock, random));
  INDABA_TRY(standing.room.id,
             queries::insert_conversation(tx.sql(), std::min(caller, standing.peer),
                                          std::max(caller, standing.peer), standing.room.stream,
                                          clock.wall()));
  return {};
}

Task<Result<StreamId>> Chat::begin_conversation(Place place, auth::Principal caller) {
  auto change = [parts = &parts_, place, caller](db::WriteTx& tx) -> Result<StreamId> {
    INDABA_TRY(auto standing, standing_of(tx.sql(), place, caller));
    if (!standing.room.id) {
      INDABA_TRY_VOID(
          chat::begin_conversation(tx, standing, caller.user, parts->clock, parts->random));
    }
    return standing.room.stream;
  };
  auto writing = parts_.database.write(place.shard(), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  co_return written.value;
}

Task<Result<ConversationView>> Chat::open_conversation(auth::Principal caller, UserId peer) {
  if (!caller.is_user()) co_return Error(ErrorKind::forbidden, "Conversations are people's.");
  const auto place = conversation_with(caller.user, peer);
  auto beginning = begin_conversation(place, caller);
  INDABA_CO_TRY_VOID(co_await beginning);
  auto query = [place, caller](db::Session& session) -> Result<ConversationView> {
    INDABA_TRY(const auto standing, standing_of(session, place, caller));
    INDABA_TRY(auto row, queries::find_conversation_row(session, caller.user, standing.room.id));
    if (!row) return Error(ErrorKind::not_found, "There is no such conversation.");
    INDABA_TRY(auto last, queries::find_message(session, row->room, row->last));
    return view_of(*std::move(row), std::move(last));
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

Task<Result<ConversationList>> Chat::conversations(auth::Principal caller, ListRooms wanted) {
  if (!caller.is_user()) co_return Error(ErrorKind::forbidden, "Conversations are people's.");
  const auto name = fmt::format("conversations:{}", caller.user.value);
  const auto limit = wanted.limit.value();
  std::int64_t before = kMaxSeq.value;
  if (wanted.cursor) {
    INDABA_CO_TRY(before, parts_.cursors.open(wanted.cursor->str(), name));
  }
  auto query = [this, name, user = caller.user, before,
                limit](db::Session& session) -> Result<ConversationList> {
    INDABA_TRY(auto rows, queries::page_conversations(session, user, before, limit + 1));
    ConversationList list;
    if (static_cast<std::int64_t>(rows.size()) > limit) {
      rows.pop_back();
      list.next_cursor = parts_.cursors.seal(rows.back().last.value, name);
    }
    INDABA_TRY(list.results, with_last(session, std::move(rows)));
    return list;
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

Result<void> Chat::erase(db::WriteTx& tx, UserId user, WallTime now) {
  return queries::erase_user(tx.sql(), user, now);
}

Task<Result<std::vector<ConversationView>>> Chat::unread_conversations(UserId user) {
  auto query = [user](db::Session& session) -> Result<std::vector<ConversationView>> {
    INDABA_TRY(auto rows, queries::list_unread_conversations(session, user, kMostUnread));
    std::vector<ConversationView> views;
    for (auto& row : rows) views.push_back(view_of(std::move(row), std::nullopt));
    return views;
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

}  // namespace indaba::chat
