// What a node can do in the background.
#include "app/celery_wiring.hpp"
#include "app/node.hpp"
#include "app/schedule_entries.hpp"
#include "app/test_tasks.hpp"
#include "ops/archive.hpp"

namespace indaba::app {

namespace {

constexpr std::string_view kArchive = "archive-logs";
constexpr job::Limits kLong{
    .soft = std::chrono::minutes(55), .hard = std::chrono::hours(1), .retries = 1};

}  // namespace

void Node::declare_tasks(const ServeOptions& options) {
  auto& registry = background_.registry();
  declare_house_tasks(registry, *storage_->database);
  add_celery_tasks(registry, *storage_->database);
  exports_.add_tasks(registry);
  registry.add({.name = std::string(kArchive),
                .body = job::Blocks([this](job::Running& run) { return archive_logs(run); }),
                .limits = kLong,
                .priority = 7,
                .aliases = {"communityhub.tasks.archive_old_logs"}});
  if (!options.test_tasks) return;
  add_queue_test_tasks(registry, clock_, random_);
  add_test_tasks(registry, *storage_->database, log_);
}

Result<void> Node::open_schedule(const Config& config) {
  INDABA_TRY(auto entries, whole_schedule(config, background_.registry()));
  background_.schedule(std::move(entries));
  return {};
}

// On a thread of the pool.
Result<job::Done> Node::archive_logs(job::Running& run) {
  const ops::ArchiveRequest request{.dir = settings_.archive.dir,
                                    .policy = settings_.retention,
                                    .now = clock_.wall(),
                                    .stopping = [&run] { return run.stopping(); }};
  INDABA_TRY(const auto report, ops::archive_old_events(*storage_->database, request, this));
  if (report.events > 0)
    log_.info("app", "old events archived and deleted",
              {{"events", report.events}, {"streams", report.streams}, {"files", report.files}});
  if (run.stopping()) return job::stopped();
  job::Done done;
  done.result = fmt::format(R"({{"deleted":{},"streams":{},"files":{}}})", report.events,
                            report.streams, report.files);
  return done;
}

// One at a time, wherever it runs.
Task<Result<void>> Node::want_archive() {
  auto change = [this](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(background_.queue().enqueue(
        tx, {.task = std::string(kArchive), .unique_key = std::string(kArchive)}));
    return {};
  };
  auto writing = storage_->database->write(db::Shard(), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return Result<void>();
}

}  // namespace indaba::app
