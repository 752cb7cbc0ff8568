// How far users have read, what is unread, and what has reached a device.
#include "feature/chat/access.hpp"
#include "feature/chat/queries.hpp"
#include "stream/sql_store.hpp"

#include <algorithm>

namespace indaba::chat {

namespace {

// Above that many readers a receipt is everybody's own business.
constexpr std::int64_t kMostReaders = 200;

Result<UnreadView> unread_in(db::Session& session, const RoomRow& room, UserId user) {
  if (!room.id) return UnreadView();
  INDABA_TRY(const auto state, stream::read_state(session, room.stream));
  INDABA_TRY(const auto read, queries::find_read(session, room.id, user));
  INDABA_TRY(const auto messages, queries::count_sent(session, room.id));
  return UnreadView{messages - read.position.number, read.position.seq, state.head};
}

void append_receipt(db::WriteTx& tx, const RoomRow& room, std::string_view type, const Person& user,
                    Seq up_to) {
  std::string body;
  json::append_name(body, "user");
  body += json::to_json(user);
  json::append_member(body, "up_to", up_to);
  tx.append({room.stream, std::string(type), std::move(body), {}});
}

// Everyone in the room sees it, where it is small enough.
Result<void> tell_readers(db::WriteTx& tx, const RoomRow& room, const auth::Principal& caller,
                          Seq up_to) {
  INDABA_TRY(const auto readers, queries::count_readers(tx.sql(), room));
  if (readers <= kMostReaders)
    append_receipt(tx, room, "read_receipt", {caller.user, caller.username}, up_to);
  return {};
}

// What is unread now, for the user's other devices.
Result<void> tell_devices(db::WriteTx& tx, const Standing& standing, UserId reader,
                          const UnreadView& unread) {
  INDABA_TRY(const auto user, auth::find_user(tx.sql(), reader));
  if (!user) return {};
  std::string body;
  append_place(body, standing);
  json::append_member(body, "unread", unread.unread);
  json::append_member(body, "last_read_seq", unread.last_read_seq);
  tx.append({user->me_stream, "unread", std::move(body), {}});
  return {};
}

Result<Seq> wanted_seq(db::Session& session, const RoomRow& room, const Receipt& wanted) {
  INDABA_TRY(const auto state, stream::read_state(session, room.stream));
  Seq up_to = wanted.up_to.value_or(Seq());
  for (const auto id : wanted.message_ids) {
    INDABA_TRY(const auto message, queries::find_message(session, room.id, id));
    if (!message) return Error::invalid_field("message_ids", "There is no such message here.");
    up_to = std::max(up_to, message->seq);
  }
  return std::min(up_to, state.head);
}

// What a device of the user has, and nobody was told of.
struct Undelivered {
  queries::Conversation conversation;
  Seq up_to;
};

Result<Undelivered> find_undelivered(db::Session& session, StreamId stream, UserId user, Seq seq) {
  INDABA_TRY(const auto conversation, queries::find_conversation(session, stream));
  if (!conversation || (conversation->low != user && conversation->high != user))
    return Undelivered();
  INDABA_TRY(const auto newest, queries::newest_for(session, conversation->room, user, seq));
  INDABA_TRY(const auto before, queries::find_read(session, conversation->room, user));
  return Undelivered{*conversation, newest > before.delivered ? newest : Seq()};
}

}  // namespace

Task<Result<UnreadView>> Chat::read_up_to(Place place, auth::Principal caller, Receipt wanted) {
  if (!caller.is_user()) co_return Error(ErrorKind::forbidden, "Receipts are people's.");
  auto change = [place, caller, wanted](db::WriteTx& tx) -> Result<UnreadView> {
    auto& sql = tx.sql();
    INDABA_TRY(const auto standing, standing_of(sql, place, caller));
    const auto& room = standing.room;
    if (!room.id) return UnreadView();
    INDABA_TRY(const auto up_to, wanted_seq(sql, room, wanted));
    INDABA_TRY(const auto newest, queries::newest_up_to(sql, room.id, up_to));
    INDABA_TRY(const auto before, queries::find_read(sql, room.id, caller.user));
    if (up_to > before.position.seq || up_to > before.told) {
      INDABA_TRY_VOID(queries::move_read(sql, room.id, caller.user, {up_to, newest.number}));
    }
    INDABA_TRY(auto unread, unread_in(sql, room, caller.user));
    // Having read a receipt is nothing to tell of: two readers would never come to an end.
    if (newest.seq > before.told) {
      INDABA_TRY_VOID(tell_readers(tx, room, caller, up_to));
    }
    if (newest.number > before.position.number) {
      INDABA_TRY_VOID(tell_devices(tx, standing, caller.user, unread));
    }
    return unread;
  };
  auto writing = parts_.database.write(place.shard(), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<UnreadView>> Chat::mark_unread(Place place, auth::Principal caller, MarkUnread wanted) {
  if (!caller.is_user()) co_return Error(ErrorKind::forbidden, "What is unread is people's.");
  auto change = [place, caller, wanted](db::WriteTx& tx) -> Result<UnreadView> {
    auto& sql = tx.sql();
    INDABA_TRY(const auto standing, standing_of(sql, place, caller));
    const auto& room = standing.room;
    INDABA_TRY(const auto message, queries::find_message(sql, room.id, wanted.from_id));
    if (!message || message->seq == Seq())
      return Error::invalid_field("from_id", "There is no such message here.");
    const Seq before(message->seq.value - 1);
    INDABA_TRY(const auto newest, queries::newest_up_to(sql, room.id, before));
    INDABA_TRY(const auto read, queries::find_read(sql, room.id, caller.user));
    if (before < read.position.seq) {
      INDABA_TRY_VOID(queries::set_read(sql, room.id, caller.user, {before, newest.number}));
    }
    INDABA_TRY(auto unread, unread_in(sql, room, caller.user));
    if (before < read.position.seq) {
      INDABA_TRY_VOID(tell_devices(tx, standing, caller.user, unread));
    }
    return unread;
  };
  auto writing = parts_.database.write(place.shard(), change);
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

// --- what has reached a device of one of two

Task<void> Chat::flush_delivered() {
  for (const auto& [who, seq] : parts_.delivered.take()) {
    auto delivering = deliver(who.first, who.second, seq);
    // What could not be written is said again by the device's next `ack`.
    [[maybe_unused]] const auto delivered = co_await delivering;
  }
}

Task<Result<void>> Chat::deliver(StreamId stream, UserId user, Seq seq) {
  // Most acknowledgements bring nothing new: reading finds out without a write.
  auto find = [stream, user, seq](db::Session& session) -> Result<Undelivered> {
    return find_undelivered(session, stream, user, seq);
  };
  auto finding = parts_.database.read(find);
  INDABA_CO_TRY(const auto found, co_await finding);
  if (found.up_to == Seq()) co_return Result<void>();
  auto change = [found, user](db::WriteTx& tx) -> Result<void> {
    auto& sql = tx.sql();
    INDABA_TRY(const auto moved,
               queries::move_delivered(sql, found.conversation.room, user, found.up_to));
    INDABA_TRY(const auto who, auth::find_brief(sql, user));
    if (!moved || !who) return {};
    RoomRow room;
    room.stream = found.conversation.stream;
    append_receipt(tx, room, "delivery_receipt", {user, who->username}, found.up_to);
    return {};
  };
  auto writing = parts_.database.write(db::Shard(found.conversation.low.value), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return Result<void>();
}

}  // namespace indaba::chat
