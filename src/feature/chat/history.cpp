// Reading a room's messages, both ways, and its events.
#include "api/whole_event.hpp"
#include "feature/chat/access.hpp"
#include "feature/chat/queries.hpp"

#include <algorithm>
#include <iterator>

namespace indaba::chat {

namespace {

// A stretch of a room's messages, newest first, and what lies on both sides of it.
struct Stretch {
  std::vector<MessageRow> rows;
  bool has_more = false;
  bool has_newer = false;
};

// Cuts what was read beyond the limit, to know whether there is more.
bool cut(std::vector<MessageRow>& rows, std::int64_t limit) {
  const bool more = static_cast<std::int64_t>(rows.size()) > limit;
  if (more) rows.resize(static_cast<std::size_t>(limit));
  return more;
}

Result<Stretch> read_before(db::Session& session, RoomId room, MessageId before,
                            std::int64_t limit) {
  Stretch stretch;
  INDABA_TRY(stretch.rows, queries::page_before(session, room, before, limit + 1));
  stretch.has_more = cut(stretch.rows, limit);
  INDABA_TRY(stretch.has_newer, queries::is_any_after(session, room, MessageId(before.value - 1)));
  return stretch;
}

Result<Stretch> read_after(db::Session& session, RoomId room, MessageId after, std::int64_t limit) {
  Stretch stretch;
  INDABA_TRY(stretch.rows, queries::page_after(session, room, after, limit + 1));
  stretch.has_newer = cut(stretch.rows, limit);
  std::ranges::reverse(stretch.rows);
  INDABA_TRY(stretch.has_more, queries::is_any_before(session, room, MessageId(after.value + 1)));
  return stretch;
}

// Half of them newer than the one in the middle; where there are fewer, the older ones take their
// places.
Result<Stretch> read_around(db::Session& session, RoomId room, MessageId middle,
                            std::int64_t limit) {
  Stretch stretch;
  INDABA_TRY(stretch.rows, queries::page_after(session, room, middle, limit / 2 + 1));
  stretch.has_newer = cut(stretch.rows, limit / 2);
  std::ranges::reverse(stretch.rows);
  const auto rest = limit - static_cast<std::int64_t>(stretch.rows.size());
  INDABA_TRY(auto older,
             queries::page_before(session, room, MessageId(middle.value + 1), rest + 1));
  stretch.has_more = cut(older, rest);
  stretch.rows.insert(stretch.rows.end(), std::move_iterator(older.begin()),
                      std::move_iterator(older.end()));
  return stretch;
}

Result<void> check_one_place(const HistoryQuery& wanted) {
  const int places = (wanted.before_id ? 1 : 0) + (wanted.after_id ? 1 : 0) +
                     (wanted.around_id ? 1 : 0) + (wanted.anchor ? 1 : 0);
  if (places <= 1) return {};
  return Error::invalid_field(wanted.before_id ? "before_id" : "after_id",
                              "Name one place: before_id, after_id, around_id or anchor.");
}

Result<Stretch> read(db::Session& session, RoomId room, UserId reader, HistoryQuery wanted) {
  const auto limit = wanted.limit.value();
  if (wanted.anchor) {
    INDABA_TRY(const auto read, queries::find_read(session, room, reader));
    INDABA_TRY(wanted.around_id, queries::find_first_after(session, room, read.position.seq));
  }
  if (wanted.around_id) return read_around(session, room, *wanted.around_id, limit);
  if (wanted.after_id) return read_after(session, room, *wanted.after_id, limit);
  return read_before(session, room, wanted.before_id.value_or(MessageId(kMaxSeq.value)), limit);
}

}  // namespace

Result<std::optional<MessageView>> read_message(db::Session& session, RoomId room, MessageId id,
                                                UserId reader) {
  INDABA_TRY(auto row, queries::find_message(session, room, id));
  if (!row) return std::optional<MessageView>();
  auto view = view_of(*std::move(row));
  if (view.deleted) return std::optional(std::move(view));
  INDABA_TRY(view.reactions, queries::list_reactions(session, id, reader));
  return std::optional(std::move(view));
}

Task<Result<HistoryView>> Chat::history(Place place, auth::Principal caller, HistoryQuery wanted) {
  INDABA_CO_TRY_VOID(check_one_place(wanted));
  auto query = [place, caller, wanted](db::Session& session) -> Result<HistoryView> {
    INDABA_TRY(const auto standing, standing_of(session, place, caller));
    INDABA_TRY(auto stretch, read(session, standing.room.id, caller.user, wanted));
    HistoryView view{{}, stretch.has_more, stretch.has_newer};
    if (stretch.rows.empty()) return view;
    INDABA_TRY(auto reactions,
               queries::list_reactions_between(session, standing.room.id, stretch.rows.back().id,
                                               stretch.rows.front().id, caller.user));
    view.messages.reserve(stretch.rows.size());
    for (auto& row : stretch.rows) {
      auto& message = view.messages.emplace_back(view_of(std::move(row)));
      if (message.deleted) continue;
      if (const auto found = reactions.find(message.id); found != reactions.end())
        message.reactions = std::move(found->second);
    }
    return view;
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

Task<Result<std::string>> Chat::event(Place place, auth::Principal caller, Seq seq) {
  auto query = [place, caller, seq](db::Session& session) -> Result<std::string> {
    INDABA_TRY(const auto standing, standing_of(session, place, caller));
    return api::read_whole_event(session, standing.room.stream, stream_name(standing), seq);
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

}  // namespace indaba::chat
