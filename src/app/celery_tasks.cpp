// The tasks that Celery's callers may name, and those of the tests.
#include "app/celery_wiring.hpp"

#include "base/json_write.hpp"
#include "feature/notifications/notifications.hpp"
#include "feature/orgs/orgs.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <thread>

namespace indaba::app {

namespace {

using job::Done;
using job::Running;

const boost::json::value* argument(const Running& run, std::string_view name) {
  const auto* value = run.arguments().if_contains(name);
  return value != nullptr && !value->is_null() ? value : nullptr;
}

std::string text_argument(const Running& run, std::string_view name, std::string_view otherwise) {
  const auto* value = argument(run, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                : std::string(otherwise);
}

double number_argument(const Running& run, std::string_view name) {
  const auto* value = argument(run, name);
  boost::system::error_code wrong;
  const auto number = value != nullptr ? value->to_number<double>(wrong) : 0.0;
  return wrong ? 0.0 : number;
}

// By its slug, or its id.
Task<Result<orgs::Org>> find_org(db::Database& database, const boost::json::value* named) {
  const bool by_id = named != nullptr && named->is_int64();
  const auto id = by_id ? OrgId(named->get_int64()) : OrgId();
  const std::string slug =
      named != nullptr && named->is_string() ? std::string(named->get_string()) : std::string();
  auto query = [id, slug](db::Session& session) {
    return id ? orgs::find_org(session, id) : orgs::find_org(session, slug);
  };
  auto reading = database.read(query);
  INDABA_CO_TRY(auto org, co_await reading);
  if (!org) co_return Error(ErrorKind::not_found, "There is no such organisation.");
  co_return *std::move(org);
}

// What stands for a task's announcement: once for each task, even beyond the day that its end is
// remembered.
Result<notifications::NewNotification> announcement(const Running& run, const std::string& type) {
  if (const char* problem = api::EventType::problem_with(type))
    return Error::invalid_field("type", problem);
  notifications::NewNotification wanted;
  wanted.type = api::EventType(type);
  if (const auto* payload = argument(run, "payload")) {
    if (!payload->is_object()) return Error::invalid_field("payload", "must be an object.");
    wanted.payload.text = json::to_text(*payload);
  }
  constexpr std::size_t kLongestKey = 200;
  auto key = "celery:" + run.uuid();
  if (key.size() <= kLongestKey && text::is_utf8(key) && key.find('\0') == std::string::npos)
    wanted.dedupe_key = json::Text<1, kLongestKey>(std::move(key));
  return wanted;
}

Done announcing(const orgs::Org& org, notifications::NewNotification wanted) {
  Done done;
  done.shard = db::Shard(org.id);
  done.effect = [org, wanted = std::move(wanted)](db::WriteTx& tx) {
    return notifications::Notifications::announce(tx, org, wanted);
  };
  return done;
}

// g++ 12: a coroutine is a function with its parameters by value.
Task<Result<Done>> fan_out(db::Database* database, std::shared_ptr<Running> run) {
  auto finding = find_org(*database, argument(*run, "org"));
  INDABA_CO_TRY(auto org, co_await finding);
  INDABA_CO_TRY(auto wanted, announcement(*run, text_argument(*run, "type", "alert")));
  co_return announcing(org, std::move(wanted));
}

Task<Result<Done>> slept(db::Database* database, Logger* log, std::shared_ptr<Running> run) {
  constexpr Millis kStep{20};
  const auto steps = static_cast<int>(number_argument(*run, "seconds") * 1000 /
                                      static_cast<double>(kStep.count()));
  log->info("test", "a body runs", {{"task_id", run->uuid()}, {"attempt", run->attempt()}});
  for (int i = 0; i < steps; ++i) {
    if (run->stopping() && argument(*run, "stubborn") == nullptr) co_return job::stopped();
    run->progress(static_cast<double>(i) / steps, "sleeping");
    co_await sleep_for{kStep};
  }
  Done done;
  done.result = "\"slept\"";
  if (argument(*run, "org") == nullptr) co_return done;
  auto finding = find_org(*database, argument(*run, "org"));
  INDABA_CO_TRY(auto org, co_await finding);
  INDABA_CO_TRY(auto wanted, announcement(*run, "slept"));
  wanted.dedupe_key.reset();  // so that a second one would be seen
  done = announcing(org, std::move(wanted));
  done.result = "\"slept\"";
  co_return done;
}

Result<Done> add(const Running& run) {
  Done done;
  done.result = fmt::format("{}", number_argument(run, "x") + number_argument(run, "y"));
  return done;
}

Result<Done> echo(const Running& run) {
  Done done;
  done.result = json::to_text(run.arguments());
  return done;
}

// Fails as often as it is told to; `final`: by an error that would be the same again.
Result<Done> fail(const Running& run) {
  if (run.attempt() > static_cast<int>(number_argument(run, "times")) &&
      argument(run, "times") != nullptr)
    return echo(run);
  const auto kind =
      argument(run, "final") != nullptr ? ErrorKind::conflict : ErrorKind::unavailable;
  return Error(kind, text_argument(run, "code", "disk_full"),
               text_argument(run, "message", "The disk is full."));
}

Result<Done> block(const Running& run) {
  const auto until = std::chrono::steady_clock::now() +
                     std::chrono::duration<double>(number_argument(run, "seconds"));
  const bool stubborn = argument(run, "stubborn") != nullptr;
  while (std::chrono::steady_clock::now() < until && (stubborn || !run.stopping()))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  if (run.stopping()) return job::stopped();
  return Done{.result = "\"blocked\""};
}

}  // namespace

void add_celery_tasks(job::Registry& registry, db::Database& database) {
  registry.add(
      {.name = "communityhub.tasks.fanout_alert",
       .body = [database = &database](
                   std::shared_ptr<Running> run) { return fan_out(database, std::move(run)); },
       .celery = true,
       .parameters = {"org", "payload", "type"},
       .required = 2});
}

void add_test_tasks(job::Registry& registry, db::Database& database, Logger& log) {
  constexpr job::Limits kQuick{.backoff = Millis(100)};
  registry.add({.name = "test.add",
                .body = job::Blocks(add),
                .celery = true,
                .parameters = {"x", "y"},
                .required = 2});
  registry.add(
      {.name = "test.echo", .body = job::Blocks(echo), .celery = true, .parameters = {"value"}});
  registry.add({.name = "test.fail",
                .body = job::Blocks(fail),
                .limits = kQuick,
                .celery = true,
                .parameters = {"times", "final", "code", "message"}});
  registry.add({.name = "test.block",
                .body = job::Blocks(block),
                .celery = true,
                .parameters = {"seconds", "stubborn"}});
  registry.add(
      {.name = "test.sleep",
       .body = [database = &database, log = &log](
                   std::shared_ptr<Running> run) { return slept(database, log, std::move(run)); },
       .celery = true,
       .parameters = {"seconds", "org", "stubborn"}});
}

}  // namespace indaba::app
