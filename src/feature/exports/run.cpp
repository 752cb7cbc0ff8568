// The job of an export: reads page by page, and keeps the text in pieces.
//
// It works a third of the time at most, and rests for the others: interactive work comes first.
#include "base/reflect.hpp"
#include "feature/exports/pages.hpp"
#include "feature/exports/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace indaba::exports {

namespace {

constexpr Millis kSoftLimit = std::chrono::minutes(55);
constexpr Millis kHardLimit = std::chrono::hours(1);
constexpr int kRetries = 3;
constexpr std::size_t kPieceBytes = std::size_t{256} << 10U;
// Lines a page, by how long the lines of the page before were.
constexpr int kFewest = 8;
constexpr int kMost = 200;
constexpr std::size_t kPageBytes = std::size_t{128} << 10U;
constexpr int kRemovedAtOnce = 32;

constexpr std::string_view kSomething = "Something went wrong; try it again.";
constexpr std::string_view kCancelled = "It was cancelled.";
constexpr std::string_view kTooLong = "It took too long, and was given up.";

int lines_for(const Page& page) {
  if (page.lines == 0) return kMost;
  const auto average = page.text.size() / static_cast<std::size_t>(page.lines) + 1;
  return static_cast<int>(
      std::clamp<std::size_t>(kPageBytes / average, std::size_t{kFewest}, std::size_t{kMost}));
}

Error not_allowed() {
  return Error(ErrorKind::forbidden,
               "Whoever asked for this export is no owner or admin of the organisation any more.");
}

std::string url_of(std::string_view slug, JobId id) {
  return fmt::format("/api/v1/orgs/{}/exports/{}/download", slug, id.value);
}

// The event `export_done`, on the organisation's notifications; nothing where it is gone.
Result<void> tell(db::WriteTx& tx, OrgId org, JobId id, const std::optional<ExportError>& error) {
  INDABA_TRY(const auto found, orgs::find_org(tx.sql(), org));
  if (!found) return {};
  std::string body;
  json::append_member(body, "job_id", id);
  json::append_member(body, "status", json::name_of(error ? Status::failed : Status::done));
  if (error) {
    json::append_name(body, "error");
    body += json::to_json(*error);
  } else {
    json::append_member(body, "download_url", url_of(found->slug, id));
  }
  tx.append({found->notifications, "export_done", std::move(body), {}});
  return {};
}

// Whoever asked for it may still have it.
Result<void> check_role(db::Session& session, OrgId org, UserId user) {
  INDABA_TRY(const auto role, orgs::find_role(session, org, user));
  if (!role || *role < auth::Role::admin) return not_allowed();
  return {};
}

// What people may read of an error.
ExportError told(const Error& error) {
  const bool inner = error.kind == ErrorKind::internal || error.detail.empty();
  return {std::string(error.code_or_slug()), inner ? std::string(kSomething) : error.detail};
}

// The same of the error of a job, which may have words for operators.
ExportError told(const job::Job& job) {
  if (job.state == job::State::cancelled) return {"cancelled", std::string(kCancelled)};
  const auto code = job.error_code.value_or("");
  if (code == "time_limit" || code == "soft_time_limit")
    return {"time_limit", std::string(kTooLong)};
  if (const auto role = not_allowed(); code == role.code_or_slug()) return told(role);
  return {"internal", std::string(kSomething)};
}

bool ended(job::State state) {
  return state != job::State::scheduled && state != job::State::ready &&
         state != job::State::running;
}

}  // namespace

// A run under way. Owned by its coroutines.
struct Exports::Writing {
  queries::Row row;
  Subject subject;
  std::int64_t run = 0;
  std::int64_t expected = 0;  // lines
  std::int64_t part = 0;
  queries::Totals totals;
  std::string text;  // not kept yet
};

void Exports::add_tasks(job::Registry& registry) {
  registry.add({.name = std::string(kTask),
                .body = job::Waits(
                    [this](std::shared_ptr<job::Running> one) { return run(std::move(one)); }),
                .limits = {.soft = kSoftLimit, .hard = kHardLimit, .retries = kRetries},
                .priority = 5,
                .queue = std::string(job::kLongQueue)});
}

Task<Result<job::Done>> Exports::run(std::shared_ptr<job::Running> running) {
  auto out = std::make_shared<Writing>();
  auto writing = write_out(running, out);
  auto done = co_await writing;
  if (!done) {
    auto giving_up = give_up(running, out, done.error());
    co_await giving_up;
  }
  co_return done;
}

Task<Result<job::Done>> Exports::write_out(std::shared_ptr<job::Running> running,
                                           std::shared_ptr<Writing> out) {
  auto beginning = begin(running, out);
  INDABA_CO_TRY_VOID(co_await beginning);
  Place place;
  Page page;
  int most = kMost;
  while (!page.last) {
    if (running->stopping()) co_return job::stopped();
    const auto began = parts_.clock.mono();
    auto query = [subject = out->subject, place, most](db::Session& session) -> Result<Page> {
      INDABA_TRY_VOID(check_role(session, subject.org, subject.user));
      return read_page(session, subject, place, most);
    };
    auto reading = parts_.database.read(query);
    INDABA_CO_TRY(page, co_await reading);
    place = page.next;
    most = lines_for(page);
    out->totals.lines += page.lines;
    out->text += page.text;
    auto flushing = flush(out, page.last);
    INDABA_CO_TRY_VOID(co_await flushing);
    const auto expected = std::max<std::int64_t>(out->expected, out->totals.lines);
    if (expected > 0)
      running->progress(static_cast<double>(out->totals.lines) / static_cast<double>(expected),
                        fmt::format("{} of {}", out->totals.lines, expected));
    const auto took = parts_.clock.mono() - began;
    co_await sleep_for{std::max(2 * took, Millis(1))};
  }
  job::Done done;
  done.result = fmt::format(R"({{"job_id":{},"lines":{},"bytes":{}}})", out->row.id.value,
                            out->totals.lines, out->totals.bytes);
  done.shard = db::Shard(out->row.org);
  done.effect = [row = out->row, run = out->run, totals = out->totals,
                 clock = &parts_.clock](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(check_role(tx.sql(), row.org, row.user));
    INDABA_TRY(const bool mine, queries::finish(tx.sql(), row.id, run, totals, clock->wall()));
    if (!mine) return Error(ErrorKind::conflict, "This export was ended otherwise.");
    return tell(tx, row.org, row.id, {});
  };
  co_return done;
}

// A number for this run, what its requester may see now, and room for it: the pieces of runs before
// it go.
Task<Result<void>> Exports::begin(std::shared_ptr<job::Running> running,
                                  std::shared_ptr<Writing> out) {
  auto change = [uuid = running->uuid()](db::WriteTx& tx) -> Result<queries::Row> {
    INDABA_TRY(auto row, queries::find(tx.sql(), uuid));
    if (!row) return Error(ErrorKind::not_found, "There is no such export.");
    INDABA_TRY(const auto run, queries::begin_run(tx.sql(), row->id));
    if (!run) return Error(ErrorKind::conflict, "This export is done.");
    row->run = *run;
    return *std::move(row);
  };
  auto writing = parts_.database.write(db::Shard(running->org()), change);
  INDABA_CO_TRY(auto written, co_await writing);
  out->row = std::move(written.value);
  out->run = out->row.run;
  out->subject = {.kind = out->row.kind, .org = out->row.org, .user = out->row.user, .until = 0};
  if (out->run > 1) {
    auto forgetting = forget_pieces();
    INDABA_CO_TRY_VOID(co_await forgetting);
  }
  auto query = [subject = out->subject](db::Session& session) -> Result<Extent> {
    INDABA_TRY_VOID(check_role(session, subject.org, subject.user));
    return extent(session, subject);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(const auto found, co_await reading);
  out->subject.until = found.until;
  out->expected = found.lines;
  out->text = heading(out->row.kind);
  co_return Result<void>();
}

// Keeps what is there, if it is a whole piece or the last one.
Task<Result<void>> Exports::flush(std::shared_ptr<Writing> out, bool last) {
  while (out->text.size() >= kPieceBytes || (last && !out->text.empty())) {
    const auto size = std::min(out->text.size(), kPieceBytes);
    INDABA_CO_TRY(auto packed, pack(std::string_view(out->text).substr(0, size)));
    auto change = [id = out->row.id, run = out->run, part = out->part, size,
                   packed = std::move(packed)](db::WriteTx& tx) -> Result<void> {
      INDABA_TRY(const bool mine, queries::add_piece(tx.sql(), id, run, part, size, packed));
      if (!mine) return job::stopped();
      return {};
    };
    // Not the organisation's shard: its people do not wait for this.
    auto writing = parts_.database.write(db::Shard(out->row.id.value), change);
    INDABA_CO_TRY_VOID(co_await writing);
    out->text.erase(0, size);
    out->totals.bytes += static_cast<std::int64_t>(size);
    ++out->part;
  }
  co_return Result<void>();
}

// Says that it failed, if this was the last attempt, or it was cancelled.
Task<void> Exports::give_up(std::shared_ptr<job::Running> running, std::shared_ptr<Writing> out,
                            Error error) {
  if (out->run == 0) co_return;
  const bool stopped = job::is_stopped(error);
  const bool final = !job::worth_another_try(error) || running->attempt() > kRetries;
  if (!stopped && !final) co_return;
  auto change = [uuid = running->uuid(), row = out->row, run = out->run, stopped, error,
                 now = parts_.clock.wall()](db::WriteTx& tx) -> Result<void> {
    ExportError what = told(error);
    if (stopped) {
      INDABA_TRY(const auto job, job::find_job(tx.sql(), uuid));
      if (!job || !job->cancelling) return {};
      what = {"cancelled", std::string(kCancelled)};
    }
    INDABA_TRY(const bool mine, queries::fail(tx.sql(), row.id, run, what, now));
    if (!mine) return {};
    return tell(tx, row.org, row.id, what);
  };
  auto writing = parts_.database.write(db::Shard(out->row.org), change);
  [[maybe_unused]] const auto written = co_await writing;  // if this fails too, settle() says it
}

Task<Result<void>> Exports::settle() {
  auto query = [](db::Session& session) {
    return queries::list_abandoned(session, kRemovedAtOnce);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(const auto abandoned, co_await reading);
  for (const auto& row : abandoned) {
    auto change = [row, now = parts_.clock.wall()](db::WriteTx& tx) -> Result<void> {
      INDABA_TRY(const auto job, job::find_job(tx.sql(), row.id));
      if (job && !ended(job->state)) return {};  // tried again meanwhile
      const auto what = job ? told(*job) : ExportError{"internal", std::string(kSomething)};
      INDABA_TRY(const bool mine, queries::fail(tx.sql(), row.id, row.run, what, now));
      if (!mine) return {};
      return tell(tx, row.org, row.id, what);
    };
    auto writing = parts_.database.write(db::Shard(row.org), change);
    INDABA_CO_TRY_VOID(co_await writing);
  }
  co_return Result<void>();
}

Task<Result<void>> Exports::forget_pieces() {
  for (std::int64_t removed = kRemovedAtOnce; removed >= kRemovedAtOnce;) {
    auto change = [](db::WriteTx& tx) {
      return queries::remove_stray_pieces(tx.sql(), kRemovedAtOnce);
    };
    auto writing = parts_.database.write(db::Shard(), change);
    INDABA_CO_TRY(const auto written, co_await writing);
    removed = written.value;
  }
  co_return Result<void>();
}

Task<Result<void>> Exports::sweep() {
  auto change = [now = parts_.clock.wall()](db::WriteTx& tx) {
    return queries::remove_expired(tx.sql(), now);
  };
  auto writing = parts_.database.write(db::Shard(), change);
  INDABA_CO_TRY_VOID(co_await writing);
  auto forgetting = forget_pieces();
  co_return co_await forgetting;
}

}  // namespace indaba::exports
