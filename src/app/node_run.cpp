// How a node begins to serve, and how it ends.
#include "app/node.hpp"
#include "app/slow_steps.hpp"

#include <future>
#include <thread>

namespace indaba::app {

namespace {

constexpr Millis kLastBytes{300};
constexpr Millis kJobsInHand{1'000};
constexpr Millis kAfterDraining{1'500};
constexpr Millis kLeaveAtOnce{500};
constexpr Millis kSlowEnd{500};

}  // namespace

bool Node::start(const std::function<bool()>& ended) {
  background_.open(jobs_ ? queues_ : std::vector<std::string>());
  loops_.start();
  if (!start_clustering(ended)) {
    leave_others(kLeaveAtOnce);
    loops_.stop();
    storage_->database->stop();
    return false;
  }
  if (bridge_) bridge_->start();
  background_.start();
  if (celery_) celery_->start();
  start_schedule();
  auto& loop = loops_.first();
  if (listener_) Loops::run_on(loop, [this] { listener_->start(); });
  if (metrics_listener_) Loops::run_on(loop, [this] { metrics_listener_->start(); });
  metrics_.set_startup_time(std::chrono::duration_cast<Millis>(clock_.mono() - began_));
  return true;
}

// While it drains, it still answers: health checks, and 503 to whoever comes anew.
void Node::drain() {
  const auto began = clock_.mono();
  const auto within = settings_.server.drain_time;
  gateway_.drain(within);
  const auto busy = [this] {
    return gateway_.limits.total() > 0 || requests_in_flight_.load(std::memory_order_relaxed) > 0;
  };
  const auto connections = [this] {
    int count = 0;
    for (const auto* loop : loops_.all())
      count += loop->connections.load(std::memory_order_relaxed);
    return count;
  };
  // What has not been read by then is cut: its reader knows by the length that something is
  // missing.
  while (busy() && clock_.mono() - began < within + Millis(500))
    std::this_thread::sleep_for(Millis(10));
  // The last bytes are on their way: their readers answer, or the moment is over.
  for (const auto until = clock_.mono() + kLastBytes; connections() > 0 && clock_.mono() < until;)
    std::this_thread::sleep_for(Millis(5));
  if (const int left = gateway_.limits.total(); left > 0)
    log_.warn("app", "stopped with live connections", {{"connections", left}});
}

void Node::stop_listening() {
  if (listener_) Loops::run_on(loops_.first(), [this] { listener_->stop(); });
  if (metrics_listener_) Loops::run_on(loops_.first(), [this] { metrics_listener_->stop(); });
}

void Node::stop() {
  const auto began = clock_.mono();
  const auto left = [this, until = began + settings_.server.drain_time + kAfterDraining] {
    return std::max(Millis(0), std::chrono::duration_cast<Millis>(until - clock_.mono()));
  };
  health_.start_draining();
  if (celery_) celery_->stop_taking();
  // Beside the draining, which may last: what is given back now is others' at once.
  auto giving_back = std::async(std::launch::async, [this] { background_.stop(kJobsInHand); });
  drain();
  stopping_.store(true, std::memory_order_relaxed);
  SlowSteps ending(log_, clock_, "the end waits", kSlowEnd);
  stop_listening();
  ending.begin("jobs that are given back");
  giving_back.wait();
  ending.begin("sessions that are saved");
  flush_sessions(left());
  ending.begin("the lead of the housekeeping, to be given back");
  leave_others(left());
  log_.info("app", "stopping", {{"duration_ms", clock_.mono() - began}});
  ending.begin("tasks of Celery");
  if (celery_) celery_->stop(std::max(Millis(0), left() - kAfterDraining));
  ending.begin("the bridge to Django");
  if (bridge_) bridge_->stop(left());
  loops_.stop();
  ending.begin("the database");
  storage_->database->stop();
  metrics_.set_shutdown_time(clock_.mono() - began);
}

}  // namespace indaba::app
