// Background: the queue of work of this process, and the worker that runs it and the schedule that
// fills it, where it has one.
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
  // Who is told of progress. On the loop of the work.
  using Progress = std::function<void(const job::Run&, double fraction, std::string_view note)>;
  void on_progress(Progress told) { progress_ = std::move(told); }

  // What this process puts into the queue from time to time, where it is the one that does; before
  // start().
  void schedule(std::vector<job::Entry> entries);
  [[nodiscard]] std::size_t scheduled() const noexcept { return scheduled_; }
  // A worker of these queues, where there are any; before anything may call ring() or cancel().
  void open(std::vector<std::string> queues);
  void start();  // after open()
  // Gives back what does not end within `patience`.
  void stop(Millis patience);
  // Bodies that block and have not come back: their threads hold up the end of the program.
  [[nodiscard]] int hanging() const { return worker_ ? worker_->hanging() : 0; }
  // Asks a run to stop, wherever it is.
  void cancel(JobId id);

  void add_metrics(ops::Metrics& metrics);
  // Of a minute ago at most; to ask is to have them counted again for whoever asks next. Any
  // thread.
  [[nodiscard]] job::Figures figures();

 private:
  void on_ended(const std::string& task, job::Outcome::Kind outcome, Millis took) override;
  void on_refused(const std::string& task, job::Outcome::Kind outcome) override;
  void on_progress(const job::Run& run, double fraction, std::string_view note) override;
  void on_given_back() override { tell_others(Millis(0)); }
  void tell_others(Millis delay);
  void hear(std::string_view body);
  static Task<void> count_now_and_then(Background* self);
  static Task<void> count(Background* self);

  const Parts parts_;
  const JobsConfig config_;
  job::Registry registry_;
  job::Queue queue_;
  cluster::LoopThread thread_;
  std::vector<job::Entry> entries_;
  std::size_t scheduled_ = 0;
  std::atomic<bool> started_{false};
  std::unique_ptr<job::Worker> worker_;
  std::unique_ptr<job::Scheduler> scheduler_;
  Progress progress_;
  std::atomic<bool> telling_{false};

  std::mutex mutex_;                                                    // task and outcome ->
  std::map<std::pair<std::string, std::string>, std::uint64_t> ended_;  // under mutex_
  ops::DurationHistogram seconds_{ops::kDurationBounds};
  job::Figures figures_;   // under mutex_
  MonoTime counted_at_{};  // under mutex_
  bool counting_ = false;  // under mutex_
  std::atomic<bool> stopping_{false};
};

}  // namespace indaba::app
