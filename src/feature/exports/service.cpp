#include "feature/exports/queries.hpp"
#include "feature/exports/text.hpp"

namespace indaba::exports {

namespace {

constexpr Millis kHour = std::chrono::hours(1);

Error no_such_export() {
  return Error(ErrorKind::not_found, "There is no such export.");
}

ExportView view_of(const queries::Row& row, std::string_view org) {
  ExportView view;
  view.job_id = row.id;
  view.task_id = row.task_uuid;
  view.kind = row.kind;
  view.status = row.status;
  view.lines = row.lines;
  view.bytes = row.bytes;
  if (row.status == Status::done)
    view.download_url = fmt::format("/api/v1/orgs/{}/exports/{}/download", org, row.id.value);
  view.error = row.error;
  view.requested_by = row.user;
  view.created_at = row.created_at;
  view.ended_at = row.ended_at;
  view.expires_at = row.expires_at;
  return view;
}

std::string file_name(const queries::Row& row, std::string_view org) {
  switch (row.kind) {
    case Kind::tasks_csv:
      return fmt::format("{}-tasks-{}.csv", org, row.id.value);
    case Kind::messages_jsonl:
      return fmt::format("{}-messages-{}.jsonl", org, row.id.value);
    case Kind::audit_jsonl:
      return fmt::format("{}-audit-{}.jsonl", org, row.id.value);
  }
  return "export";
}

std::string_view content_type(Kind kind) {
  return kind == Kind::tasks_csv ? "text/csv; charset=utf-8; header=present"
                                 : "application/x-ndjson; charset=utf-8";
}

Task<Result<std::string>> read_piece(db::Database* database, JobId id, std::int64_t run,
                                     std::int64_t part) {
  auto query = [=](db::Session& session) -> Result<std::string> {
    INDABA_TRY(const auto piece, queries::find_piece(session, id, run, part));
    if (!piece) return no_such_export();
    return unpack(piece->packed, static_cast<std::size_t>(piece->size));
  };
  auto reading = database->read(query);
  co_return co_await reading;
}

Result<void> check_hour(db::Session& session, OrgId org, WallTime now) {
  INDABA_TRY(const auto recent, queries::count_since(session, org, now - kHour));
  if (recent.count < Exports::kAnHour) return {};
  return Error::rate_limited(
      fmt::format("An organisation may have {} exports made in an hour; wait a little.",
                  Exports::kAnHour),
      Exports::kAnHour, std::max(recent.first + kHour - now, Millis(1'000)));
}

}  // namespace

Task<Result<ExportView>> Exports::start(api::Membership org, UserId caller, NewExport wanted,
                                        api::Once once) {
  auto change = [this, org, caller, wanted, once,
                 now = parts_.clock.wall()](db::WriteTx& tx) -> Result<ExportView> {
    const auto answer = [&](const queries::Row& row) {
      auto view = view_of(row, org.slug);
      once.keep(tx, [view](std::span<const db::Appended>) {
        return api::KeptAnswer{202, json::to_json(view)};
      });
      return view;
    };
    INDABA_TRY(const auto before, queries::find_under_way(tx.sql(), org.org, caller, wanted.kind));
    if (before) return answer(*before);
    if (parts_.limiter.enabled()) {
      INDABA_TRY_VOID(check_hour(tx.sql(), org.org, now));
    }
    job::Wanted job{.task = std::string(kTask), .org = org.org, .user = caller, .followed = true};
    job.arguments["kind"] = json::name_of(wanted.kind);
    job.unique_key =
        fmt::format("{} {} {} {}", kTask, org.org.value, caller.value, json::name_of(wanted.kind));
    INDABA_TRY(const auto enqueued, parts_.queue.enqueue(tx, job));
    if (!enqueued.fresh) {
      // Asked for in this very moment by another node; or it has ended, and its job not yet.
      INDABA_TRY(const auto other, queries::find_under_way(tx.sql(), org.org, caller, wanted.kind));
      if (other) return answer(*other);
      Error ending(ErrorKind::unavailable, "The last one is just ending.");
      ending.retry_after = std::chrono::seconds(1);
      return ending;
    }
    queries::Row row;
    row.id = enqueued.id;
    row.task_uuid = enqueued.uuid;
    row.org = org.org;
    row.user = caller;
    row.kind = wanted.kind;
    row.created_at = now;
    INDABA_TRY_VOID(queries::insert(tx.sql(), row));
    return answer(row);
  };
  auto writing = parts_.database.write(db::Shard(org.org), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<ExportView>> Exports::get(api::Membership org, JobId id) {
  auto query = [org, id, now = parts_.clock.wall()](db::Session& session) -> Result<ExportView> {
    INDABA_TRY(const auto row, queries::find(session, org.org, id, now));
    if (!row) return no_such_export();
    return view_of(*row, org.slug);
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

Task<Result<ExportList>> Exports::list(api::Membership org) {
  auto query = [org, now = parts_.clock.wall()](db::Session& session) -> Result<ExportList> {
    INDABA_TRY(const auto rows, queries::list(session, org.org, now));
    ExportList list;
    for (const auto& row : rows) list.results.push_back(view_of(row, org.slug));
    return list;
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

Task<Result<http::Response>> Exports::download(api::Membership org, UserId caller, JobId id) {
  // What the server remembers of memberships may be a moment old: a file that leaves cannot be
  // called back.
  auto query = [org = org.org, caller, id,
                now = parts_.clock.wall()](db::Session& session) -> Result<queries::Row> {
    INDABA_TRY(const auto role, orgs::find_role(session, org, caller));
    if (!role) return Error(ErrorKind::not_found, "There is no such organisation.");
    if (*role < auth::Role::admin)
      return Error(ErrorKind::forbidden, "Your role in this organisation does not allow this.");
    INDABA_TRY(auto row, queries::find(session, org, id, now));
    if (!row) return no_such_export();
    return *std::move(row);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(const auto row, co_await reading);
  if (row.status == Status::failed)
    co_return Error(ErrorKind::conflict, "export_failed", "This export failed.");
  if (row.status != Status::done)
    co_return Error(ErrorKind::conflict, "export_not_ready", "This export is not ready yet.");
  http::Response response;
  response.headers.set("content-type", content_type(row.kind));
  response.headers.set("content-disposition",
                       fmt::format("attachment; filename=\"{}\"", file_name(row, org.slug)));
  response.headers.set("cache-control", "private, no-store");
  response.headers.set("x-content-type-options", "nosniff");
  http::BodyPieces pieces;
  pieces.length = static_cast<std::uint64_t>(row.bytes);
  pieces.next = [database = &parts_.database, id = row.id, run = row.run,
                 part = std::int64_t{0}]() mutable {
    return read_piece(database, id, run, part++);
  };
  response.pieces = std::move(pieces);
  co_return response;
}

}  // namespace indaba::exports
