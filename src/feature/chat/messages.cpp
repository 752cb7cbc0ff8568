// Sending a message.
#include "feature/chat/access.hpp"
#include "feature/chat/attention.hpp"
#include "feature/chat/conversations.hpp"
#include "feature/chat/queries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace indaba::chat {

namespace {

constexpr Millis kMinute{60'000};

// What does not depend on the room.
Result<void> check_message(const SendMessage& message) {
  if (!message.attachments.empty())
    return Error::invalid_field("attachments.0", "There is no such attachment.");
  if (message.thread_id) return Error::invalid_field("thread_id", "There is no such thread.");
  return {};
}

Result<void> check_reply(db::Session& session, RoomId room, std::optional<MessageId> reply_to) {
  if (!reply_to) return {};
  INDABA_TRY(const auto message, queries::find_message(session, room, *reply_to));
  if (!message || message->deleted_at)
    return Error::invalid_field("reply_to", "There is no such message in this room.");
  return {};
}

// What one call wants to send.
struct Sending {
  Place place;
  auth::Principal caller;
  SendMessage message;
  std::string hash;
  const Clock& clock;
  Random& random;
  MessageIndex& index;
  WallTime now = clock.wall();
};

// A member writes once in so many seconds where the room says so.
Result<void> check_pace(db::Session& session, const Standing& standing, UserId author,
                        WallTime now) {
  const auto pace =
      std::chrono::duration_cast<Millis>(std::chrono::seconds(standing.room.slow_mode));
  if (pace == Millis(0) || standing.moderates()) return {};
  INDABA_TRY(const auto before, queries::find_last_sent(session, standing.room.id, author));
  const auto left = before ? *before + pace - now : Millis(0);
  if (left <= Millis(0)) return {};
  return Error::rate_limited("This room is in slow mode; wait a little.", 1, std::min(left, pace));
}

SentView sent_view(MessageRow message, bool duplicate) {
  SentView view;
  static_cast<MessageView&>(view) = view_of(std::move(message));
  view.duplicate = duplicate;
  return view;
}

// The message that this one repeats, if there is one.
Result<std::optional<MessageRow>> find_repeated(db::Session& session, const Standing& standing,
                                                const Sending& sending) {
  const auto& id = sending.message.client_message_id;
  if (!id) return std::optional<MessageRow>();
  INDABA_TRY(auto first,
             queries::find_first_sent(session, standing.room.id, sending.caller.user, id->str()));
  if (!first) return std::optional<MessageRow>();
  if (first->hash != sending.hash)
    return Error(ErrorKind::conflict,
                 "This client_message_id was used before, with other content.");
  return std::optional(std::move(first->message));
}

// The row and the event; they are one transaction, and the row learns its place when the event has
// one.
Result<MessageRow> insert(db::WriteTx& tx, const Standing& standing, const Sending& sending) {
  const auto& room = standing.room;
  const auto& [place, caller, message, hash, clock, random, index, now] = sending;
  MessageRow row;
  row.room = room.id;
  row.author = {caller.user, caller.username};
  row.body = message.body.str();
  row.reply_to = message.reply_to;
  if (message.client_message_id) row.client_message_id = message.client_message_id->str();
  row.created_at = now;
  INDABA_TRY(const auto number, queries::take_number(tx.sql(), room.id));
  INDABA_TRY(row.id, queries::insert_message(tx.sql(), row, number, hash));
  if (room.slow_mode > 0) {
    INDABA_TRY_VOID(queries::note_sent(tx.sql(), room.id, caller.user, now));
  }
  tx.append({room.stream, "message", event_body(row), {}});
  INDABA_TRY_VOID(tell_concerned(tx, standing, row, number));
  // Whoever writes has read what stands above.
  tx.when_sequenced(
      [id = row.id, room = room.id, author = caller.user, number](
          db::Session& session, std::span<const db::Appended> events) -> Result<void> {
        const auto& at = events.front();
        INDABA_TRY_VOID(queries::place_message(session, room, id, at.seq, at.created_at));
        return queries::move_read(session, room, author, {at.seq, number});
      });
  return row;
}

// A place in the stream that is known at the end of the group alone.
struct LatePlace {
  Seq seq;
  WallTime created_at{};
};

// The first message may be of this very group, and have no place yet.
void learn_place(db::WriteTx& tx, const MessageRow& first, std::shared_ptr<LatePlace> late) {
  *late = {first.seq, first.created_at};
  if (first.seq != Seq()) return;
  tx.when_sequenced([room = first.room, id = first.id, late = std::move(late)](
                        db::Session& session, std::span<const db::Appended>) -> Result<void> {
    INDABA_TRY(const auto row, queries::find_message(session, room, id));
    if (!row) return Error::internal("a message has gone while it was repeated");
    *late = {row->seq, row->created_at};
    return {};
  });
}

SentView placed(SentView view, std::span<const db::Appended> events, const LatePlace& late) {
  view.seq = view.duplicate ? late.seq : events.front().seq;
  view.created_at = view.duplicate ? late.created_at : events.front().created_at;
  return view;
}

// All that can refuse comes before the first write, so that a refusal costs its group nothing.
Result<SentView> write_message(db::WriteTx& tx, const Sending& sending,
                               const std::shared_ptr<LatePlace>& late) {
  auto& sql = tx.sql();
  const auto& [place, caller, message, hash, clock, random, index, now] = sending;
  INDABA_TRY(auto standing, standing_of(sql, place, caller));
  INDABA_TRY(auto repeated, find_repeated(sql, standing, sending));
  if (repeated) {
    learn_place(tx, *repeated, late);
    return sent_view(*std::move(repeated), true);
  }
  if (standing.room.kind == Kind::forum)
    return Error::invalid_field("thread_id", "A forum's posts belong to a thread.",
                                "missing_field");
  INDABA_TRY_VOID(may_write(sql, standing, caller));
  INDABA_TRY_VOID(check_pace(sql, standing, caller.user, now));
  INDABA_TRY_VOID(check_reply(sql, standing.room.id, message.reply_to));
  if (!standing.room.id) {
    INDABA_TRY_VOID(begin_conversation(tx, standing, caller.user, clock, random));
  }
  INDABA_TRY(auto row, insert(tx, standing, sending));
  INDABA_TRY_VOID(index.put(tx, row.id, row.body));
  return sent_view(std::move(row), false);
}

}  // namespace

Result<void> Chat::check_length(const MessageBody& body) const {
  const std::int64_t most = limits_.message_chars;
  if (text::count_code_points(body.str()) <= static_cast<std::size_t>(most)) return {};
  return Error::invalid_field("body", fmt::format("A message has at most {} characters.", most),
                              "too_long");
}

Result<void> Chat::charge(const auth::Principal& caller) {
  return api::charge_write(parts_.limiter, caller, parts_.rates);
}

Result<void> Chat::charge_message(const auth::Principal& caller) {
  return api::charge(parts_.limiter, fmt::format("messages:{}", caller.user.value),
                     {limits_.messages_per_minute, kMinute}, "Too many messages; wait a little.");
}

Task<Result<SentView>> Chat::send(Place place, auth::Principal caller, SendMessage message,
                                  api::Once once) {
  if (!caller.is_user()) co_return Error(ErrorKind::forbidden, "Messages are written by people.");
  INDABA_CO_TRY_VOID(check_length(message.body));
  INDABA_CO_TRY_VOID(check_message(message));
  INDABA_CO_TRY_VOID(charge_message(caller));
  auto hash = hash_of(message);
  // It outlives this call in the writer's queue.
  const auto sending = std::make_shared<const Sending>(
      Sending{std::move(place), std::move(caller), std::move(message), std::move(hash),
              parts_.clock, parts_.random, parts_.index});
  const auto late = std::make_shared<LatePlace>();
  auto change = [sending, late, once](db::WriteTx& tx) -> Result<SentView> {
    INDABA_TRY(auto view, write_message(tx, *sending, late));
    once.keep(tx, [view, late](std::span<const db::Appended> events) {
      return api::KeptAnswer{view.duplicate ? 200 : 201,
                             json::to_json(placed(view, events, *late))};
    });
    return view;
  };
  auto writing = parts_.database.write(sending->place.shard(), change);
  INDABA_CO_TRY(auto written, co_await writing);
  if (!written.value.duplicate)
    parts_.typing.stop(written.events.front().stream, sending->caller.user);
  co_return placed(std::move(written.value), written.events, *late);
}

}  // namespace indaba::chat
