#include "job/worker.hpp"

#include "job/worker_state.hpp"

#include <future>

namespace indaba::job {

Worker::Worker(Parts parts, WorkerOptions options)
    : state_(std::make_shared<State>(parts, std::move(options))) {}

Worker::~Worker() {
  state_->pool.reset();
}

void Worker::start() {
  state_->parts.executor.post([state = state_] { state->begin(); });
}

void Worker::stop_blocking(Millis patience) {
  constexpr Millis kToRecord{3'000};
  const auto done = std::make_shared<std::promise<void>>();
  auto future = done->get_future();
  state_->parts.executor.post(
      [state = state_, patience, done] { state->leave(patience, [done] { done->set_value(); }); });
  future.wait_for(patience + kToRecord);
}

void Worker::ring(Millis delay) {
  if (delay <= Millis(0) && state_->rung.exchange(true)) return;
  state_->parts.executor.post([state = state_, delay] {
    if (delay > Millis(0)) return state->due_in(delay);
    state->rung = false;
    state->hope();
    state->poke();
  });
}

void Worker::cancel(JobId id) {
  state_->parts.executor.post([state = state_, id] { state->stop_run(id, Run::Why::cancelled); });
}

int Worker::hanging() const {
  return state_->pool->busy();
}

int Worker::running() const noexcept {
  return state_->running_now.load(std::memory_order_relaxed);
}

}  // namespace indaba::job
