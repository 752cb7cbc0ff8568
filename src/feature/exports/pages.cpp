#include "feature/exports/pages.hpp"

#include "base/json_write.hpp"
#include "base/reflect.hpp"
#include "db/index_order.hpp"
#include "feature/exports/text.hpp"

#include <array>

namespace indaba::exports {

namespace {

constexpr std::string_view kTasks =
    "SELECT t.id, t.title, t.status, t.assignee_id, u.username, t.created_at, t.updated_at FROM "
    "tasks t LEFT JOIN users u ON u.id = t.assignee_id WHERE t.org_id = $1 AND t.id > $2 AND t.id "
    "<= $3 ORDER BY t.id LIMIT $4";
constexpr std::string_view kTasksExtent =
    "SELECT coalesce(max(id), 0), count(*) FROM tasks WHERE org_id = $1";

// The same rule as that of a room's own page: owners and admins may read private rooms, too.
#define INDABA_VISIBLE_ROOM                                                                     \
  " r.org_id = $1 AND r.deleted_at IS NULL AND EXISTS (SELECT 1 FROM org_members om JOIN users" \
  " cu ON cu.id = om.user_id WHERE om.org_id = r.org_id AND om.user_id = $2 AND cu.active = 1"  \
  " AND (r.private = 0 OR om.role >= 3 OR EXISTS (SELECT 1 FROM room_members rm WHERE"          \
  " rm.room_id = r.id AND rm.user_id = om.user_id)))"
constexpr std::string_view kNextRoom =
    "SELECT r.id FROM rooms r WHERE" INDABA_VISIBLE_ROOM " AND r.id > $3 ORDER BY r.id LIMIT 1";
constexpr std::string_view kMessages =
    "SELECT m.id, r.id, r.slug, m.seq, m.created_at, m.author_id, u.username, m.body, "
    "m.client_message_id, m.reply_to, m.thread_id, m.edited_at, m.deleted_at FROM rooms r JOIN "
    "messages m ON m.room_id = r.id JOIN users u ON u.id = m.author_id WHERE" INDABA_VISIBLE_ROOM
    " AND r.id = $3 AND m.id > $4 AND m.id <= $5 ORDER BY m.id LIMIT $6";
constexpr std::string_view kMessagesExtent =
    "SELECT coalesce((SELECT max(id) FROM messages), 0), CAST(coalesce(sum(r.messages), 0) AS "
    "BIGINT) FROM rooms r "
    "WHERE" INDABA_VISIBLE_ROOM;
#undef INDABA_VISIBLE_ROOM

constexpr std::string_view kEvents =
    "SELECT e.seq, e.created_at, e.type, e.body FROM orgs o JOIN events e ON e.stream_id = "
    "o.notifications_stream WHERE o.id = $1 AND e.seq > $2 AND e.seq <= $3 ORDER BY e.seq LIMIT $4";
constexpr std::string_view kEventsExtent =
    "SELECT s.head, s.head - s.oldest + 1 FROM orgs o JOIN streams s ON s.id = "
    "o.notifications_stream WHERE o.id = $1";

void append_number(std::string& out, std::string_view name, const db::Row& r, int column) {
  json::append_name(out, name);
  if (r.is_null(column))
    out += "null";
  else
    json::append_int(out, r.int64(column));
}

void append_maybe_time(std::string& out, std::string_view name, const db::Row& r, int column) {
  json::append_name(out, name);
  if (r.is_null(column))
    out += "null";
  else
    json::append_time(out, from_millis(r.int64(column)));
}

void append_task(std::string& out, const db::Row& r) {
  append_csv_plain(out, std::to_string(r.int64(0)));
  append_csv_text(out, r.text(1));
  append_csv_text(out, r.text(2));
  append_csv_plain(out, r.is_null(3) ? std::string() : std::to_string(r.int64(3)));
  append_csv_text(out, r.text(4));
  append_csv_plain(out, to_rfc3339(from_millis(r.int64(5))));
  append_csv_plain(out, to_rfc3339(from_millis(r.int64(6))));
  end_csv_line(out);
}

void append_message(std::string& out, const db::Row& r) {
  const bool deleted = !r.is_null(12);
  std::string line = "{";
  json::append_member(line, "id", r.int64(0));
  line += R"(,"room":{"id":)";
  json::append_int(line, r.int64(1));
  json::append_member(line, "slug", r.text(2));
  line += '}';
  json::append_member(line, "seq", r.int64(3));
  json::append_member(line, "created_at", from_millis(r.int64(4)));
  line += R"(,"author":{"id":)";
  json::append_int(line, r.int64(5));
  json::append_member(line, "username", r.text(6));
  line += '}';
  json::append_member(line, "body", deleted ? std::string_view() : r.text(7));
  json::append_name(line, "client_message_id");
  if (r.is_null(8))
    line += "null";
  else
    json::append_string(line, r.text(8));
  append_number(line, "reply_to", r, 9);
  append_number(line, "thread_id", r, 10);
  append_maybe_time(line, "edited_at", r, 11);
  json::append_member(line, "deleted", deleted);
  line += "}\n";
  out += line;
}

void append_event(std::string& out, const db::Row& r) {
  std::string line = "{";
  json::append_member(line, "type", r.text(2));
  json::append_member(line, "seq", r.int64(0));
  json::append_member(line, "created_at", from_millis(r.int64(1)));
  line += r.text(3);  // the other members, with the comma before them
  line += "}\n";
  out += line;
}

using Append = void (*)(std::string&, const db::Row&);

// Lines whose first column is what the next page begins behind.
Result<Page> read_lines(db::Session& session, std::string_view sql,
                        std::span<const db::Param> params, Append append, Place from, int most) {
  Page page{.text = {}, .lines = 0, .next = from, .last = false};
  INDABA_TRY_VOID(session.run(sql, params, [&](const db::Row& r) {
    append(page.text, r);
    page.next.after = r.int64(0);
    ++page.lines;
  }));
  page.last = page.lines < most;
  return page;
}

Result<std::optional<std::int64_t>> next_room(db::Session& session, const Subject& subject,
                                              std::int64_t after) {
  return session.first<std::int64_t>(
      kNextRoom, [](const db::Row& r) { return r.int64(0); }, subject.org, subject.user, after);
}

// Room by room: there is an index for the messages of each, and none for those of an organisation.
Result<Page> read_messages(db::Session& session, const Subject& subject, Place from, int most) {
  if (from.room == 0) {
    INDABA_TRY(const auto first, next_room(session, subject, 0));
    if (!first) return Page{.text = {}, .lines = 0, .next = from, .last = true};
    from = {.room = *first, .after = 0};
  }
  const std::array<db::Param, 6> params{subject.org, subject.user,  from.room,
                                        from.after,  subject.until, most};
  INDABA_TRY(auto page, read_lines(session, kMessages, params, &append_message, from, most));
  if (!page.last) return page;
  INDABA_TRY(const auto next, next_room(session, subject, from.room));
  page.last = !next.has_value();
  if (next) page.next = {.room = *next, .after = 0};
  return page;
}

}  // namespace

std::string heading(Kind kind) {
  if (kind != Kind::tasks_csv) return {};
  return "id,title,status,assignee_id,assignee,created_at,updated_at\r\n";
}

Result<Extent> extent(db::Session& session, const Subject& subject) {
  const auto read = [](const db::Row& r) { return Extent{r.int64(0), r.int64(1)}; };
  const auto of = [](const Result<std::optional<Extent>>& found) -> Result<Extent> {
    if (!found) return found.error();
    return found->value_or(Extent{});
  };
  switch (subject.kind) {
    case Kind::tasks_csv:
      return of(session.first<Extent>(kTasksExtent, read, subject.org));
    case Kind::messages_jsonl:
      return of(session.first<Extent>(kMessagesExtent, read, subject.org, subject.user));
    case Kind::audit_jsonl:
      return of(session.first<Extent>(kEventsExtent, read, subject.org));
  }
  return Error::internal("an export of no kind");
}

Result<Page> read_page(db::Session& session, const Subject& subject, Place from, int most) {
  INDABA_TRY_VOID(db::prefer_index_order(session));
  const std::array<db::Param, 4> params{subject.org, from.after, subject.until, most};
  switch (subject.kind) {
    case Kind::tasks_csv:
      return read_lines(session, kTasks, params, &append_task, from, most);
    case Kind::messages_jsonl:
      return read_messages(session, subject, from, most);
    case Kind::audit_jsonl:
      return read_lines(session, kEvents, params, &append_event, from, most);
  }
  return Error::internal("an export of no kind");
}

}  // namespace indaba::exports
