#include "feature/chat/queries.hpp"

namespace indaba::chat::queries {

namespace {

#define INDABA_REPORT                                                                      \
  "SELECT p.id, p.org_id, p.message_id, r.id, r.slug, r.name, u.id, u.username, p.reason," \
  " p.created_at, p.resolved_at, v.id, v.username FROM reports p"                          \
  " JOIN messages m ON m.id = p.message_id JOIN rooms r ON r.id = m.room_id"               \
  " JOIN users u ON u.id = p.reporter_id LEFT JOIN users v ON v.id = p.resolved_by"        \
  " WHERE r.deleted_at IS NULL"
#define INDABA_REPORTS_SEEN                                                 \
  INDABA_REPORT                                                             \
  " AND p.org_id = $1 AND p.id < $2 AND ($3 = 1 OR r.private = 0 OR EXISTS" \
  " (SELECT 1 FROM room_members rm WHERE rm.room_id = r.id AND rm.user_id = $4))"

constexpr std::string_view kFind = INDABA_REPORT " AND p.id = $1";
constexpr std::string_view kPageOpen =
    INDABA_REPORTS_SEEN " AND p.resolved_at IS NULL ORDER BY p.id DESC LIMIT $5";
constexpr std::string_view kPageResolved =
    INDABA_REPORTS_SEEN " AND p.resolved_at IS NOT NULL ORDER BY p.id DESC LIMIT $5";
// Again: what was said first stands.
constexpr std::string_view kInsertReport =
    "INSERT INTO reports (org_id, message_id, reporter_id, reason, created_at)"
    " VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (message_id, reporter_id) DO UPDATE SET reason = reports.reason RETURNING id";
constexpr std::string_view kResolve =
    "UPDATE reports SET resolved_at = $2, resolved_by = $3 WHERE id = $1 AND resolved_at IS NULL";

#undef INDABA_REPORT
#undef INDABA_REPORTS_SEEN

ReportRow report_of(const db::Row& row) {
  ReportRow report;
  report.id = row.id<ReportId>(0);
  report.org = row.id<OrgId>(1);
  report.message = row.id<MessageId>(2);
  report.room = row.id<RoomId>(3);
  report.room_slug = row.string(4);
  report.room_name = row.string(5);
  report.reporter = {row.id<UserId>(6), row.string(7)};
  report.reason = row.string(8);
  report.created_at = from_millis(row.int64(9));
  if (!row.is_null(10)) report.resolved_at = from_millis(row.int64(10));
  if (!row.is_null(11)) report.resolved_by = Person{row.id<UserId>(11), row.string(12)};
  return report;
}

}  // namespace

Result<ReportId> insert_report(db::Session& session, OrgId org, MessageId message, UserId reporter,
                               std::string_view reason, WallTime now) {
  INDABA_TRY(const auto id,
             session.first<ReportId>(
                 kInsertReport, [](const db::Row& row) { return row.id<ReportId>(0); }, org,
                 message, reporter, reason, to_millis(now)));
  if (!id) return Error::internal("a report was not inserted");
  return *id;
}

Result<std::optional<ReportRow>> find_report(db::Session& session, ReportId id) {
  return session.first<ReportRow>(kFind, report_of, id);
}

Result<std::vector<ReportRow>> page_reports(db::Session& session, OrgId org,
                                            const RoomFilter& filter, bool open) {
  return session.all<ReportRow>(open ? kPageOpen : kPageResolved, report_of, org, filter.after,
                                filter.everything, filter.user, filter.limit);
}

Result<void> mark_resolved(db::Session& session, ReportId id, UserId by, WallTime now) {
  return session.execute(kResolve, id, to_millis(now), by);
}

}  // namespace indaba::chat::queries
