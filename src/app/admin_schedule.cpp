#include "app/admin_schedule.hpp"

#include "app/admin_client.hpp"
#include "base/json.hpp"
#include "db/blocking.hpp"
#include "job/schedule.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

namespace indaba::app {

namespace {

using boost::json::object;
using boost::json::value;

value time_or_null(const std::optional<WallTime>& time) {
  return time ? value(to_rfc3339(*time)) : value();
}

object shown(const job::Scheduled& entry) {
  const auto arguments = json::parse(entry.arguments);
  return {{"name", entry.name},
          {"task", entry.task},
          {"arguments", arguments ? *arguments : value(object())},
          {"timing", entry.timing},
          {"next", to_rfc3339(entry.next)},
          {"last", time_or_null(entry.last)},
          {"fired_at", time_or_null(entry.fired_at)},
          {"job", entry.job.empty() ? value() : value(entry.job)}};
}

Result<value> schedule(db::Database& database) {
  const auto query = [](db::Session& session) { return job::list_schedule(session); };
  INDABA_TRY(const auto entries, db::read_blocking(database, query));
  boost::json::array rows;
  for (const auto& entry : entries) rows.push_back(shown(entry));
  return object{{"entries", std::move(rows)}};
}

std::string cell_of(const object& entry, std::string_view name) {
  const auto& member = entry.at(name);
  return member.is_string() ? std::string(member.get_string()) : "-";
}

int print_schedule(const CommandLine& line) {
  const auto config = line.config();
  if (!config) return kWrongUsage;
  const auto done = administer(*config, "jobs.schedule", {});
  if (!done) return line.fail(done.error());
  constexpr auto kRow = "{:<24} {:<24} {:<24} {:<32} {}\n";
  *line.out << fmt::format(kRow, "entry", "next", "last", "when", "task");
  for (const auto& row : done->at("entries").as_array()) {
    const auto& entry = row.as_object();
    *line.out << fmt::format(kRow, cell_of(entry, "name"), cell_of(entry, "next"),
                             cell_of(entry, "last"), cell_of(entry, "timing"),
                             cell_of(entry, "task"));
  }
  return kDone;
}

}  // namespace

void add_schedule_handler(ops::ControlHandlers& handlers, db::Database& database) {
  handlers["jobs.schedule"] = [&database](const object&) { return schedule(database); };
}

void add_jobs_schedule(CLI::App& jobs, CommandLine& line) {
  add_command(jobs, "schedule", "What comes again and again: when next, and when it came last",
              "indaba jobs schedule")
      ->callback([&line] { line.run = [&line] { return print_schedule(line); }; });
}

}  // namespace indaba::app
