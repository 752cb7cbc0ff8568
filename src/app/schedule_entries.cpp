#include "app/schedule_entries.hpp"

#include "app/schedule_config.hpp"
#include "base/check.hpp"

#include <fmt/format.h>

namespace indaba::app {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view kForget = "jobs.forget";
constexpr std::string_view kUnpin = "unpin-expired";
constexpr int kForgetAtOnce = 1000;

// What has not begun when the next one comes is left out: no worker finds a heap of them.
job::Entry every(std::string name, Millis interval, std::string_view task) {
  return {.name = std::move(name),
          .timing = job::Every{interval},
          .wanted = {.task = std::string(task), .expires = interval}};
}

Task<Result<job::Done>> forget_jobs(db::Database* database, std::shared_ptr<job::Running> run) {
  std::int64_t forgotten = 0;
  for (bool more = true; more;) {
    if (run->stopping()) co_return job::stopped();
    auto change = [](db::WriteTx& tx) { return job::forget_old_jobs(tx, kForgetAtOnce); };
    auto writing = database->write(db::Shard(), change);
    auto written = co_await writing;
    if (!written) co_return std::move(written).error();
    forgotten += written->value;
    more = written->value == kForgetAtOnce;
  }
  co_return job::Done{.result = fmt::format(R"({{"forgotten":{}}})", forgotten)};
}

// Nothing can be pinned yet; whoever schedules this from Celery gets an answer all the same.
Task<Result<job::Done>> unpin_expired(std::shared_ptr<job::Running>) {
  co_return job::Done{.result = R"({"unpinned":0})"};
}

}  // namespace

void declare_house_tasks(job::Registry& registry, db::Database& database) {
  registry.add({.name = std::string(kForget),
                .body = job::Waits([&database](std::shared_ptr<job::Running> run) {
                  return forget_jobs(&database, std::move(run));
                }),
                .limits = {.soft = 55s, .hard = 60s},
                .priority = 9});
  registry.add({.name = std::string(kUnpin),
                .body = job::Waits(&unpin_expired),
                .celery = true,
                .aliases = {"communityhub.tasks.unpin_expired"}});
}

std::vector<job::Entry> product_schedule(bool archives) {
  return {
      every("forget-jobs", 300s, kForget),
      every("unpin-expired", 300s, kUnpin),
      every("end-sessions", 60s, kEndSessions),
      every("clean-up", 600s, kCleanUp),
      archives ? every("archive-logs", 86'400s, kArchive) : every("trim-events", 600s, kTrim),
  };
}

Result<std::vector<job::Entry>> whole_schedule(const Config& config, const job::Registry& registry,
                                               bool archives) {
  auto entries = product_schedule(archives);
  for (const auto& entry : entries)
    check(registry.find(entry.wanted.task) != nullptr, "a task of the schedule is declared");
  INDABA_TRY(auto added, schedule_config(config));
  for (auto& entry : added) {
    if (std::ranges::find(entries, entry.name, &job::Entry::name) != entries.end())
      return Error(ErrorKind::invalid,
                   fmt::format("jobs.schedule.{0}: the server has an entry {0} of its own; use "
                               "another name",
                               entry.name));
    if (registry.find(entry.wanted.task) == nullptr)
      return Error(ErrorKind::invalid,
                   fmt::format("jobs.schedule.{}: there is no task {}; there are {}", entry.name,
                               entry.wanted.task, fmt::join(registry.names(), ", ")));
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace indaba::app
