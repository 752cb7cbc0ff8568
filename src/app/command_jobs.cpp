// indaba jobs
#include "app/admin_client.hpp"
#include "app/admin_schedule.hpp"
#include "app/cli.hpp"
#include "app/config_values.hpp"
#include "base/json.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>
#include <memory>

namespace indaba::app {

namespace {

std::string shown(const boost::json::object& job, std::string_view name) {
  const auto* found = job.if_contains(name);
  if (found == nullptr) return "";
  if (found->is_string()) return std::string(found->get_string());
  if (found->is_double()) return fmt::format("{:.0f}%", found->get_double() * 100);
  return boost::json::serialize(*found);
}

int print_list(const CommandLine& line, const boost::json::object& wanted) {
  const auto config = line.config();
  if (!config) return kWrongUsage;
  const auto done = administer(*config, "jobs.list", wanted);
  if (!done) return line.fail(done.error());
  *line.out << fmt::format("{:>10} {:<10} {:>8} {:>8} {:<24} {:<32} {}\n", "id", "status",
                           "failures", "progress", "created", "task", "error");
  for (const auto& row : done->at("jobs").as_array()) {
    const auto& job = row.as_object();
    *line.out << fmt::format("{:>10} {:<10} {:>8} {:>8} {:<24} {:<32} {}\n", shown(job, "id"),
                             shown(job, "status"), shown(job, "failures"), shown(job, "progress"),
                             shown(job, "created_at"), shown(job, "task"), shown(job, "error"));
  }
  return kDone;
}

void add_list(CLI::App& jobs, CommandLine& line) {
  struct Arguments {
    std::string status;
    std::string task;
    std::int64_t limit = 50;
  };
  const auto arguments = std::make_shared<Arguments>();
  auto* command = add_command(jobs, "list", "The newest jobs", "indaba jobs list --status failed");
  command
      ->add_option("--status", arguments->status,
                   "scheduled, ready, running, done, failed, cancelled or expired")
      ->check(CLI::IsMember(
          {"scheduled", "ready", "running", "done", "failed", "cancelled", "expired"}));
  command->add_option("--task", arguments->task, "Of this task alone");
  command->add_option("--limit", arguments->limit, "So many [50]")->check(CLI::Range(1, 10'000));
  command->callback([&line, arguments] {
    line.run = [&line, arguments] {
      return print_list(
          line,
          {{"status", arguments->status}, {"task", arguments->task}, {"limit", arguments->limit}});
    };
  });
}

void add_enqueue(CLI::App& jobs, CommandLine& line) {
  struct Arguments {
    std::string task;
    std::string json = "{}";
    std::string queue;
    std::string delay = "0s";
    std::int64_t count = 1;
  };
  const auto arguments = std::make_shared<Arguments>();
  auto* command =
      add_command(jobs, "enqueue", "Let a running server do a task; prints the job's id",
                  "indaba jobs enqueue jobs.forget");
  command->add_option("task", arguments->task, "The task's name")->required();
  command->add_option("--arguments", arguments->json, "A JSON object [{}]");
  command->add_option("--queue", arguments->queue, "Another queue than the task's own");
  command->add_option("--delay", arguments->delay, "Not before this is over: 30s, 1h [0s]");
  command->add_option("--count", arguments->count, "So many times [1]")
      ->check(CLI::Range(1, 1'000'000));
  command->callback([&line, arguments] {
    line.run = [&line, arguments] {
      const auto given = json::parse(arguments->json);
      if (!given || !given->is_object())
        return line.fail("--arguments must be a JSON object", kWrongUsage);
      const auto delay = parse_duration(arguments->delay);
      if (!delay) return line.fail("--delay must be a duration such as 30s or 1h", kWrongUsage);
      return line.administer_and_print("jobs.enqueue",
                                       {{"task", arguments->task},
                                        {"arguments", *given},
                                        {"queue", arguments->queue},
                                        {"delay_ms", delay->count()},
                                        {"count", arguments->count}},
                                       "id");
    };
  });
}

void add_one(CLI::App& jobs, CommandLine& line, const char* name, const char* help,
             const char* command_name, const char* member) {
  const auto id = std::make_shared<std::int64_t>(0);
  auto* command = add_command(jobs, name, help, fmt::format("indaba jobs {} 42", name));
  command->add_option("id", *id, "The job's number")->required();
  command->callback([&line, id, command_name, member] {
    line.run = [&line, id, command_name, member] {
      return line.administer_and_print(command_name, {{"id", *id}}, member);
    };
  });
}

void add_purge(CLI::App& jobs, CommandLine& line) {
  const auto status = std::make_shared<std::string>();
  auto* command = add_command(jobs, "purge", "Delete all jobs of one status; prints how many",
                              "indaba jobs purge --status failed");
  command->add_option("--status", *status, "scheduled, ready, done, failed, cancelled or expired")
      ->required()
      ->check(CLI::IsMember({"scheduled", "ready", "done", "failed", "cancelled", "expired"}));
  command->callback([&line, status] {
    line.run = [&line, status] {
      return line.administer_and_print("jobs.purge", {{"status", *status}}, "removed");
    };
  });
}

}  // namespace

void add_jobs(CLI::App& app, CommandLine& line) {
  auto* jobs = add_command(app, "jobs", "Look after background work", "indaba jobs list");
  jobs->require_subcommand(1);
  add_list(*jobs, line);
  add_enqueue(*jobs, line);
  add_one(*jobs, line, "retry", "Run a job again that failed, expired or was cancelled",
          "jobs.retry", "");
  add_one(*jobs, line, "cancel", "Cancel a job, or ask it to stop", "jobs.cancel", "status");
  add_purge(*jobs, line);
  add_jobs_schedule(*jobs, line);
}

}  // namespace indaba::app
