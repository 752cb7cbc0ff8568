// Health: is the process alive, can it take traffic, and what does it do right now?
//
// `ready` asks two kinds of parts. A check answers at once (draining, free disk space). A probe is
// something that may hang, such as a database: whoever probes it reports here, and a report that
// grew old counts as a failure, so that the answer never waits for what it asks about. A failing
// part makes /readyz a 503 that names it; a degraded one (Redis) is said and still 200. Parts are
// added at start-up; everything else is safe on any thread.
#pragma once

#include "base/clock.hpp"
#include "http/message.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace indaba::ops {

enum class HealthState : std::uint8_t { ok, degraded, failing };

struct HealthReport {
  HealthState state = HealthState::ok;
  std::string detail = {};  // a few words for the operator; no secret
};

struct StatusFigures {
  std::int64_t connections = 0;
  std::int64_t subscriptions = 0;
  std::int64_t streams = 0;
  std::int64_t nodes = 1;  // that hear each other, this one among them
  std::int64_t redis_memory_bytes = 0;
  std::int64_t jobs_queued = 0;
  std::int64_t jobs_running = 0;
};

class Health {
 public:
  using Check = std::function<HealthReport()>;  // must not block
  using Figures = std::function<StatusFigures()>;

  // Something that is asked from time to time, by somebody else.
  class Probe {
   public:
    Probe(const Clock& clock, Millis stale_after) : clock_(clock), stale_after_(stale_after) {}
    void report(HealthReport report);
    [[nodiscard]] HealthReport now() const;

   private:
    const Clock& clock_;
    const Millis stale_after_;
    mutable std::mutex mutex_;
    HealthReport last_{HealthState::failing, "not asked yet"};
    MonoTime reported_{};
  };

  struct About {
    std::string version;
    std::string color;
    std::string database = "sqlite";
    bool redis = false;  // one is configured
  };

  Health(About about, const Clock& clock, Figures figures);

  void add_check(std::string name, Check check) {
    checks_.emplace_back(std::move(name), std::move(check));
  }
  // The probe lives as long as this.
  Probe& add_probe(std::string name, Millis stale_after);
  // From now on /readyz is 503.
  void start_draining() noexcept { draining_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool draining() const noexcept { return draining_.load(std::memory_order_relaxed); }

  [[nodiscard]] http::Response live() const;    // /healthz, /livez: touches nothing
  [[nodiscard]] http::Response ready() const;   // /readyz, /health
  [[nodiscard]] http::Response status() const;  // /status: always 200

 private:
  [[nodiscard]] std::vector<std::pair<std::string, HealthReport>> ask_all() const;

  const About about_;
  const Clock& clock_;
  const Figures figures_;
  const WallTime started_;
  const MonoTime started_mono_;
  std::vector<std::pair<std::string, Check>> checks_;
  std::deque<Probe> probes_;
  std::atomic<bool> draining_{false};
};

// Fails where the disk that holds `folder` has less than `least_free_bytes`.
[[nodiscard]] Health::Check disk_check(std::filesystem::path folder,
                                       std::uint64_t least_free_bytes);

}  // namespace indaba::ops
