#include "ops/health.hpp"

#include "base/json_write.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sys/statvfs.h>

namespace indaba::ops {

namespace {

std::string_view to_string(HealthState state) {
  switch (state) {
    case HealthState::ok:
      return "ok";
    case HealthState::degraded:
      return "degraded";
    case HealthState::failing:
      return "failing";
  }
  return "failing";
}

http::Response answer(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.headers.set("content-type", "application/json");
  response.headers.set("cache-control", "no-store");
  if (status == 503) response.headers.set("retry-after", "2");
  response.body = std::move(body);
  return response;
}

}  // namespace

void Health::Probe::report(HealthReport report) {
  const std::lock_guard lock(mutex_);
  last_ = std::move(report);
  reported_ = clock_.mono();
}

HealthReport Health::Probe::now() const {
  const std::lock_guard lock(mutex_);
  const auto age = clock_.mono() - reported_;
  if (reported_ == MonoTime{} || age <= stale_after_) return last_;
  return {HealthState::failing, fmt::format("no answer for {} s", age.count() / 1000)};
}

Health::Health(About about, const Clock& clock, Figures figures)
    : about_(std::move(about)),
      clock_(clock),
      figures_(std::move(figures)),
      started_(clock.wall()),
      started_mono_(clock.mono()) {
  add_check("draining", [this] {
    return draining() ? HealthReport{HealthState::failing, "the server is going away"}
                      : HealthReport{};
  });
}

Health::Probe& Health::add_probe(std::string name, Millis stale_after) {
  auto& probe = probes_.emplace_back(clock_, stale_after);
  add_check(std::move(name), [&probe] { return probe.now(); });
  return probe;
}

std::vector<std::pair<std::string, HealthReport>> Health::ask_all() const {
  std::vector<std::pair<std::string, HealthReport>> reports;
  for (const auto& [name, ask] : checks_) reports.emplace_back(name, ask());
  return reports;
}

http::Response Health::live() const {
  return answer(200, R"({"status":"ok"})");
}

http::Response Health::ready() const {
  const auto reports = ask_all();
  auto worst = HealthState::ok;
  std::string checks = "{";
  for (const auto& [name, report] : reports) {
    worst = std::max(worst, report.state);
    std::string one = "{";
    json::append_member(one, "status", to_string(report.state));
    if (!report.detail.empty()) json::append_member(one, "detail", report.detail);
    json::append_member(checks, name, json::Object{one + "}"});
  }
  std::string body = "{";
  json::append_member(body, "status", to_string(worst));
  json::append_member(body, "checks", json::Object{checks + "}"});
  return answer(worst == HealthState::failing ? 503 : 200, body + "}");
}

http::Response Health::status() const {
  const auto reports = ask_all();
  const auto state_of = [&](std::string_view name) {
    const auto found = std::ranges::find(
        reports, name, [](const auto& report) { return std::string_view(report.first); });
    return found == reports.end() ? HealthState::ok : found->second.state;
  };
  const auto figures = figures_();
  std::string database = "{";
  json::append_member(database, "kind", about_.database);
  json::append_member(database, "status", to_string(state_of("database")));
  std::string jobs = "{";
  json::append_member(jobs, "queued", figures.jobs_queued);
  json::append_member(jobs, "running", figures.jobs_running);
  std::string redis = "{";
  json::append_member(redis, "status",
                      about_.redis ? to_string(state_of("redis")) : std::string_view("off"));
  if (about_.redis) json::append_member(redis, "memory_bytes", figures.redis_memory_bytes);

  std::string body = "{";
  json::append_member(body, "version", about_.version);
  json::append_member(body, "color", about_.color);
  json::append_member(body, "uptime_s",
                      std::int64_t{(clock_.mono() - started_mono_).count() / 1000});
  json::append_member(body, "started_at", started_);
  json::append_member(body, "connections", figures.connections);
  json::append_member(body, "subscriptions", figures.subscriptions);
  json::append_member(body, "streams", figures.streams);
  json::append_member(body, "nodes", figures.nodes);
  json::append_member(body, "database", json::Object{database + "}"});
  json::append_member(body, "redis", json::Object{redis + "}"});
  json::append_member(body, "jobs", json::Object{jobs + "}"});
  json::append_member(body, "draining", draining());
  return answer(200, body + "}");
}

Health::Check disk_check(std::filesystem::path folder, std::uint64_t least_free_bytes) {
  return [folder = std::move(folder), least_free_bytes]() -> HealthReport {
    struct statvfs disk{};
    if (::statvfs(folder.c_str(), &disk) != 0)
      return {HealthState::failing, "the data folder cannot be looked at"};
    const auto free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    if (free >= least_free_bytes) return {};
    return {HealthState::failing,
            fmt::format("{} MiB free where {} are needed", free >> 20U, least_free_bytes >> 20U)};
  };
}

}  // namespace indaba::ops
