// Background: the queue of work of this process, and the worker that runs it, where one does.
//
// Features declare their tasks in registry() before start(), and enqueue in their own changes. Work
// that is enqueued here is begun at once, by the worker of this process or by another's, which the
// bus tells; where there is no bus the others find it within seconds. Bodies run on a loop of their
// own, so that they hold up nobody's requests.
//
// Made and ended by the node, on the main thread; ring() and cancel() on any.
#pragma once

#include "app/config_sections.hpp"
#include "base/log.hpp"
#include "cluster/cluster.hpp"
#include "cluster/loop_thread.hpp"
#include "job/scheduler.hpp"
#include "job/worker.hpp"
#include "ops/metrics.hpp"

#include <map>

namespace indaba::app {

class Background final : private job::Observer {
 public:
  struct Parts {  // all outlive this
    db::Database& database;
    const Clock& clock;
    Random& random;
    Logger& log;
    cluster::Cluster* cluster = nullptr;  // none: nobody else, or no bus
  };
  Background(const Parts& parts, const JobsConfig& config);
  ~Background() override { stop(Millis(0)); }

  [[nodiscard]] job::Registry& registry() noexcept { return registry_; }
  [[nodiscard]] job::Queue& queue() noexcept { return queue_; }
  // What tasks that say nothing else have.
  [[nodiscard]] job::Limits limits() const;
  // Who is told of progress. On the loop of the work.
  using Progress = std::function<void(const job::Run&, double fraction, std::string_view note)>;
  void on_progress(Progress told) { progress_ = std::move(told); }

  // What this process puts into the queue from time to time, where it is the one that does; before
  // start().
  void schedule(std::vector<job::Entry> entries) { entries_ = std::move(entries); }
  // A worker of these queues.
  void start(std::vector<std::string> queues);
  // Gives back what does not end within `patience`.
  void stop(Millis patience);
  // Asks a run to stop, wherever it is.
  void cancel(JobId id);

  void add_metrics(ops::Metrics& metrics);
  [[nodiscard]] job::Figures figures() const;  // of some seconds ago; any thread

 private:
  void on_ended(const job::Run& run, job::Outcome::Kind outcome, Millis took) override;
  void on_progress(const job::Run& run, double fraction, std::string_view note) override;
  void tell_others(Millis delay);
  void hear(std::string_view body);
  static Task<void> count_now_and_then(Background* self);

  const Parts parts_;
  const JobsConfig config_;
  job::Registry registry_;
  job::Queue queue_;
  cluster::LoopThread thread_;
  std::vector<job::Entry> entries_;
  std::unique_ptr<job::Worker> worker_;
  std::unique_ptr<job::Scheduler> scheduler_;
  Progress progress_;
  std::atomic<bool> telling_{false};

  mutable std::mutex mutex_;                                            // task and outcome ->
  std::map<std::pair<std::string, std::string>, std::uint64_t> ended_;  // under mutex_
  ops::DurationHistogram seconds_{ops::kDurationBounds};
  job::Figures figures_;  // under mutex_
  std::atomic<bool> stopping_{false};
};

}  // namespace indaba::app
