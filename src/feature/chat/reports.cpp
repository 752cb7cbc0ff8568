// What members report, and what moderators do with it.
#include "feature/chat/message_access.hpp"
#include "feature/chat/queries.hpp"

#include <fmt/format.h>

namespace indaba::chat {

namespace {

Error no_such_report() {
  return Error(ErrorKind::not_found, "There is no such report.");
}

// The message as it is now; where it was deleted, without its text.
Result<ReportView> view_of(db::Session& session, queries::ReportRow row) {
  ReportView view;
  view.id = row.id;
  view.reason = std::move(row.reason);
  view.reporter = std::move(row.reporter);
  view.created_at = row.created_at;
  view.resolved_at = row.resolved_at;
  view.resolved_by = std::move(row.resolved_by);
  view.room = {row.room, std::move(row.room_slug), std::move(row.room_name)};
  INDABA_TRY(auto message, queries::find_message(session, row.room, row.message));
  if (!message) return no_such_report();
  view.message = chat::view_of(*std::move(message));
  return view;
}

}  // namespace

Task<Result<ReportView>> Chat::report(MessageId id, auth::Principal caller, NewReport wanted,
                                      api::Once once) {
  auto placing = message_place(id);
  INDABA_CO_TRY(const auto place, co_await placing);
  auto change = [now = parts_.clock.wall(), place, caller, wanted,
                 once](db::WriteTx& tx) -> Result<ReportView> {
    auto& sql = tx.sql();
    INDABA_TRY(const auto subject, subject_of(sql, place, caller));
    if (subject.standing.peer)
      return Error(ErrorKind::forbidden, "A conversation of two has no moderators; block instead.");
    INDABA_TRY_VOID(check_there(subject.message));
    const auto reason = wanted.reason ? wanted.reason->str() : std::string();
    INDABA_TRY(const auto made, queries::insert_report(sql, subject.standing.room.org, place.id,
                                                       caller.user, reason, now));
    INDABA_TRY(auto row, queries::find_report(sql, made));
    if (!row) return Error::internal("a report was not inserted");
    INDABA_TRY(auto view, view_of(sql, *std::move(row)));
    once.keep(tx, [view](std::span<const db::Appended>) {
      return api::KeptAnswer{201, json::to_json(view)};
    });
    return view;
  };
  auto writing = parts_.database.write(place.room.shard(), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

// A moderator of the organisation sees what is reported of the rooms that they see.
Task<Result<ReportList>> Chat::reports(api::Membership org, auth::Principal caller,
                                       ListReports wanted) {
  const bool open = wanted.status == ReportStatus::open;
  const auto name = fmt::format("reports:{}:{}", org.org.value, open);
  const auto limit = wanted.limit.value();
  std::int64_t before = kMaxSeq.value;
  if (wanted.cursor) {
    INDABA_CO_TRY(before, parts_.cursors.open(wanted.cursor->str(), name));
  }
  const bool everything = org.role >= auth::Role::admin;
  auto query = [this, name, org = org.org, user = caller.user, everything, open, before,
                limit](db::Session& session) -> Result<ReportList> {
    INDABA_TRY(auto rows,
               queries::page_reports(session, org, {user, everything, before, limit + 1}, open));
    ReportList list;
    if (static_cast<std::int64_t>(rows.size()) > limit) {
      rows.pop_back();
      list.next_cursor = parts_.cursors.seal(rows.back().id.value, name);
    }
    for (auto& row : rows) {
      INDABA_TRY(auto view, view_of(session, std::move(row)));
      list.results.push_back(std::move(view));
    }
    return list;
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

Task<Result<ReportView>> Chat::resolve_report(ReportId id, auth::Principal caller) {
  auto find = [id](db::Session& session) { return queries::find_report(session, id); };
  auto finding = parts_.database.read(find);
  INDABA_CO_TRY(const auto found, co_await finding);
  if (!found) co_return no_such_report();
  Place room;
  room.org = found->org;
  room.room = found->room;
  auto change = [now = parts_.clock.wall(), id, room,
                 caller](db::WriteTx& tx) -> Result<ReportView> {
    auto& sql = tx.sql();
    const auto standing = standing_of(sql, room, caller);
    if (!standing && standing.error().kind == ErrorKind::not_found) return no_such_report();
    if (!standing) return standing.error();
    if (!standing->moderates())
      return Error(ErrorKind::forbidden, "Your role in this organisation does not allow this.");
    INDABA_TRY_VOID(queries::mark_resolved(sql, id, caller.user, now));  // twice is once
    INDABA_TRY(auto row, queries::find_report(sql, id));
    if (!row) return no_such_report();
    return view_of(sql, *std::move(row));
  };
  auto writing = parts_.database.write(room.shard(), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

}  // namespace indaba::chat
