// Exports: what an organisation has, written out as text for its owners and admins to download.
//
// start() leaves a row and a job; the job (run.cpp) reads page by page and keeps the text in pieces
// in the database, so that any node can hand it out. An export is done in the transaction that
// records its job's success, together with the event `export_done`: there is never half of one.
// Each run has a number, and only the newest one writes; what an older one left is swept away.
//
// What is exported is decided when it runs, by what its requester may see then: an owner or admin
// sees all rooms of the organisation, private ones too. Nothing of conversations. Whoever is no
// owner or admin any more before it is done gets nothing, and whoever downloads it must be one at
// that moment. What has expired is not there, whether or not it is deleted yet. Any executor.
#pragma once

#include "api/endpoint.hpp"
#include "api/rate_limit.hpp"
#include "base/ids.hpp"
#include "db/database.hpp"
#include "feature/orgs/orgs.hpp"
#include "job/queue.hpp"

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

namespace indaba::exports {

enum class Kind : std::uint8_t { tasks_csv, messages_jsonl, audit_jsonl };
BOOST_DESCRIBE_ENUM(Kind, tasks_csv, messages_jsonl, audit_jsonl)

enum class Status : std::uint8_t { queued, running, done, failed };
BOOST_DESCRIBE_ENUM(Status, queued, running, done, failed)

struct NewExport {
  Kind kind = Kind::tasks_csv;
};
BOOST_DESCRIBE_STRUCT(NewExport, (), (kind))

struct ExportError {
  std::string code;
  std::string message;
};
BOOST_DESCRIBE_STRUCT(ExportError, (), (code, message))

struct ExportView {
  JobId job_id;
  std::string task_id;  // of tasks/{task_id}, where its requester follows its progress
  Kind kind = Kind::tasks_csv;
  Status status = Status::queued;
  std::int64_t lines = 0;
  std::int64_t bytes = 0;
  std::optional<std::string> download_url;
  std::optional<ExportError> error;
  UserId requested_by;
  WallTime created_at{};
  std::optional<WallTime> ended_at;
  std::optional<WallTime> expires_at;
};
BOOST_DESCRIBE_STRUCT(ExportView, (),
                      (job_id, task_id, kind, status, lines, bytes, download_url, error,
                       requested_by, created_at, ended_at, expires_at))

struct ExportList {
  std::vector<ExportView> results;  // newest first; all that are kept, at most 200
};
BOOST_DESCRIBE_STRUCT(ExportList, (), (results))

class Exports {
 public:
  static constexpr std::string_view kTask = "orgs.export";
  static constexpr std::int64_t kAnHour = 10;  // of one organisation
  static constexpr Millis kKept = std::chrono::days(7);

  struct Parts {  // all outlive this
    db::Database& database;
    const job::Queue& queue;
    const api::RateLimiter& limiter;  // whether there are limits at all
    const Clock& clock;
  };
  explicit Exports(const Parts& parts) : parts_(parts) {}

  void add_routes(api::Endpoints& endpoints);
  void add_tasks(job::Registry& registry);

  // One that the caller has under way already is that one. Too many in an hour: rate_limited.
  Task<Result<ExportView>> start(api::Membership org, UserId caller, NewExport wanted,
                                 api::Once once);
  Task<Result<ExportView>> get(api::Membership org, JobId id);
  Task<Result<ExportList>> list(api::Membership org);
  // not_found, forbidden, conflict (`export_not_ready`, `export_failed`).
  Task<Result<http::Response>> download(api::Membership org, UserId caller, JobId id);

  // Tells of exports whose jobs ended without them: cancelled before they ran, or given up.
  Task<Result<void>> settle();
  // Deletes what has expired, and the pieces that belong to nothing, little by little.
  Task<Result<void>> sweep();

 private:
  struct Writing;
  Task<Result<job::Done>> run(std::shared_ptr<job::Running> running);
  Task<Result<job::Done>> write_out(std::shared_ptr<job::Running> running,
                                    std::shared_ptr<Writing> out);
  Task<Result<void>> begin(std::shared_ptr<job::Running> running, std::shared_ptr<Writing> out);
  Task<Result<void>> flush(std::shared_ptr<Writing> out, bool last);
  Task<void> give_up(std::shared_ptr<job::Running> running, std::shared_ptr<Writing> out,
                     Error error);
  Task<Result<void>> forget_pieces();

  const Parts parts_;
};

}  // namespace indaba::exports
