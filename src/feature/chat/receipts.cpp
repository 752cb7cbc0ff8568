// How far users have read, and what is unread.
#include "feature/chat/access.hpp"
#include "feature/chat/queries.hpp"
#include "stream/sql_store.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace indaba::chat {

namespace {

// Above that many readers a receipt is everybody's own business.
constexpr std::int64_t kMostReaders = 200;

Result<RoomUnreadView> unread_in(db::Session& session, const RoomRow& room, UserId user) {
  INDABA_TRY(const auto state, stream::read_state(session, room.stream));
  INDABA_TRY(const auto read, queries::find_read(session, room.id, user));
  INDABA_TRY(const auto messages, queries::count_sent(session, room.id));
  return RoomUnreadView{room.id, room.slug, messages - read.number, read.seq, state.head};
}

// Everyone in the room sees it, where it is small enough, and the user's other devices what is
// still unread.
Result<void> tell(db::WriteTx& tx, const RoomRow& room, const auth::Principal& caller,
                  const RoomUnreadView& unread) {
  INDABA_TRY(const auto readers, queries::count_readers(tx.sql(), room));
  if (readers <= kMostReaders) {
    std::string body;
    json::append_name(body, "user");
    body += json::to_json(Person{caller.user, caller.username});
    json::append_member(body, "up_to", unread.last_read_seq);
    tx.append({room.stream, "read_receipt", std::move(body), {}});
  }
  INDABA_TRY(const auto user, auth::find_user(tx.sql(), caller.user));
  if (!user) return {};
  std::string body;
  json::append_name(body, "room");
  body += '{';
  json::append_member(body, "id", room.id);
  json::append_member(body, "slug", room.slug);
  body += '}';
  json::append_name(body, "org");
  body += '{';
  json::append_member(body, "id", room.org);
  json::append_member(body, "slug", room.org_slug);
  body += '}';
  json::append_member(body, "unread", unread.unread);
  json::append_member(body, "last_read_seq", unread.last_read_seq);
  tx.append({user->me_stream, "unread", std::move(body), {}});
  return {};
}

}  // namespace

Task<Result<RoomUnreadView>> Chat::read_up_to(Place place, auth::Principal caller, Receipt wanted) {
  if (!caller.is_user()) co_return Error(ErrorKind::forbidden, "Receipts are people's.");
  auto change = [place, caller, wanted](db::WriteTx& tx) -> Result<RoomUnreadView> {
    auto& sql = tx.sql();
    INDABA_TRY(const auto standing, standing_of(sql, place, caller));
    const auto& room = standing.room;
    INDABA_TRY(const auto state, stream::read_state(sql, room.stream));
    Seq up_to = wanted.up_to.value_or(Seq());
    for (const auto id : wanted.message_ids) {
      INDABA_TRY(const auto message, queries::find_message(sql, room.id, id));
      if (!message) return Error::invalid_field("message_ids", "There is no such message here.");
      up_to = std::max(up_to, message->seq);
    }
    up_to = std::min(up_to, state.head);
    INDABA_TRY(const auto number, queries::number_at(sql, room.id, up_to));
    INDABA_TRY(const auto moved, queries::move_read(sql, room.id, caller.user, {up_to, number}));
    INDABA_TRY(auto unread, unread_in(sql, room, caller.user));
    if (moved) {
      INDABA_TRY_VOID(tell(tx, room, caller, unread));
    }
    return unread;
  };
  auto writing = parts_.database.write(db::Shard(place.org), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<ReceiptList>> Chat::receipts(Place place, auth::Principal caller) {
  auto query = [place, caller](db::Session& session) -> Result<ReceiptList> {
    INDABA_TRY(const auto standing, standing_of(session, place, caller));
    INDABA_TRY(const auto readers, queries::count_readers(session, standing.room));
    ReceiptList list;
    if (readers > kMostReaders) return list;
    INDABA_TRY(list.results, queries::list_reads(session, standing.room, kMostReaders));
    return list;
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

Task<Result<std::vector<RoomUnreadView>>> Chat::unread(api::Membership org, UserId user) {
  auto query = [org, user](db::Session& session) {
    return queries::list_unread(session, org.org, user, org.role >= auth::Role::admin);
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

}  // namespace indaba::chat
