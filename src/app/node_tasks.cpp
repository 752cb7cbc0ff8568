// What a node can do in the background.
#include "app/celery_wiring.hpp"
#include "app/node.hpp"
#include "app/schedule_entries.hpp"
#include "app/test_tasks.hpp"
#include "ops/archive.hpp"

namespace indaba::app {

namespace {

constexpr job::Limits kLong{
    .soft = std::chrono::minutes(55), .hard = std::chrono::hours(1), .retries = 1};
constexpr Millis kForgotten{0};  // once it succeeded: it comes again and again
constexpr int kHousework = 7;    // a priority: whoever waits for something comes first

}  // namespace

void Node::declare_tasks(const ServeOptions& options) {
  auto& registry = background_.registry();
  declare_house_tasks(registry, *storage_->database);
  add_celery_tasks(registry, *storage_->database);
  add_celery_send(registry, clock_, [this]() -> Result<job::celery::Client*> {
    if (celery_) return celery_->client();
    return no_celery();
  });
  exports_.add_tasks(registry);
  const auto add = [&](std::string_view name, job::Waits body) {
    registry.add({.name = std::string(name),
                  .body = std::move(body),
                  .limits = kLong,
                  .priority = kHousework,
                  .queue = std::string(job::kLongQueue),
                  .kept = kForgotten});
  };
  add(kTrim, [this](std::shared_ptr<job::Running> run) { return trim_streams(std::move(run)); });
  add(kCleanUp, [this](std::shared_ptr<job::Running> run) { return clean_up(std::move(run)); });
  registry.add(
      {.name = std::string(kEndSessions),
       .body = job::Waits([this](std::shared_ptr<job::Running>) { return end_old_sessions(); }),
       .priority = kHousework,
       .kept = kForgotten});
  registry.add({.name = std::string(kArchive),
                .body = job::Blocks([this](job::Running& run) { return archive_logs(run); }),
                .limits = kLong,
                .priority = kHousework,
                .queue = std::string(job::kLongQueue),
                .celery = true,
                .aliases = {"communityhub.tasks.archive_old_logs"}});
  if (!options.test_tasks) return;
  add_queue_test_tasks(registry, clock_, random_);
  add_test_tasks(registry, *storage_->database, log_);
}

Result<void> Node::open_schedule(const Config& config) {
  INDABA_TRY(auto entries,
             whole_schedule(config, background_.registry(), !settings_.archive.dir.empty()));
  background_.schedule(std::move(entries));
  return {};
}

// On a thread of the pool.
Result<job::Done> Node::archive_logs(job::Running& run) {
  // Another process may have one: it is tried again. Here events would go that stand in no file.
  if (settings_.archive.dir.empty())
    return Error(ErrorKind::unavailable, "archive_not_set",
                 "This process has no archive.dir to write old events to.");
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

// What goes is told, so that readers of this and other nodes know (on_trimmed).
Task<Result<job::Done>> Node::trim_streams(std::shared_ptr<job::Running> run) {
  if (!settings_.archive.dir.empty())
    co_return Error(ErrorKind::conflict, "archive_set",
                    "Old events go by archive-logs, which writes them down first.");
  if (run->stopping()) co_return job::stopped();
  auto trimming = trim_now();
  INDABA_CO_TRY(const auto trimmed, co_await trimming);
  co_return job::Done{
      .result = fmt::format(R"({{"deleted":{},"streams":{}}})", trimmed.events, trimmed.streams)};
}

Task<Result<stream::TrimReport>> Node::trim_now() {
  auto trimming =
      stream::trim(*storage_->database,
                   {.policy = settings_.retention, .stream = {}, .now = clock_.wall()}, this);
  INDABA_CO_TRY(const auto trimmed, co_await trimming);
  if (trimmed.events > 0)
    log_.info("app", "old events deleted",
              {{"events", trimmed.events}, {"streams", trimmed.streams}});
  co_return trimmed;
}

// What nobody can ask for any more. Each is tried, whatever becomes of the others.
Task<Result<job::Done>> Node::clean_up(std::shared_ptr<job::Running> run) {
  constexpr std::int64_t kKeptAnswers = 10'000;
  std::optional<Error> first;
  const auto note = [&first](auto& outcome) {
    if (!outcome && !first) first = std::move(outcome).error();
  };
  auto purging = idempotency_.purge(kKeptAnswers);
  auto purged = co_await purging;
  note(purged);
  auto emptying = chat_.purge();
  auto emptied = co_await emptying;
  note(emptied);
  auto sweeping = search_index_->sweep();
  auto swept = co_await sweeping;
  note(swept);
  auto clearing = exports_.sweep();
  auto cleared = co_await clearing;
  note(cleared);
  if (first) co_return *std::move(first);
  if (run->stopping()) co_return job::stopped();
  co_return job::Done{};
}

Task<Result<job::Done>> Node::end_old_sessions() {
  auto sweeping = accounts_.sweep();
  INDABA_CO_TRY(const auto ended, co_await sweeping);
  co_return job::Done{.result = fmt::format(R"({{"ended":{}}})", ended)};
}

}  // namespace indaba::app
