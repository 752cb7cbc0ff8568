#include "app/background.hpp"

#include "cluster/wire.hpp"

namespace indaba::app {

namespace {

constexpr std::uint8_t kNewWork = 1;
constexpr std::uint8_t kCancel = 2;
constexpr Millis kTellWithin{1};
constexpr Millis kCountEvery{60'000};
constexpr Millis kFresh{5'000};

std::string_view word_of(job::Outcome::Kind kind) {
  using Kind = job::Outcome::Kind;
  switch (kind) {
    case Kind::done:
      return "done";
    case Kind::retry:
      return "retry";
    case Kind::failed:
      return "failed";
    case Kind::cancelled:
      return "cancelled";
    case Kind::expired:
      return "expired";
    case Kind::given_back:
      return "given_back";
    case Kind::postponed:
      return "postponed";
  }
  return "failed";
}

}  // namespace

Background::Background(const Parts& parts, const JobsConfig& config)
    : parts_(parts),
      config_(config),
      registry_(
          {.soft = config.soft_limit, .hard = config.hard_limit, .retries = config.max_retries}),
      queue_(registry_, parts.clock, parts.random),
      thread_(parts.clock) {
  queue_.when_enqueued([this](Millis delay) {
    if (worker_) worker_->ring(delay);
    tell_others(delay);
  });
  if (parts_.cluster != nullptr)
    parts_.cluster->listen(cluster::Topic::jobs,
                           [this](NodeId, std::string_view body) { hear(body); });
}

void Background::schedule(std::vector<job::Entry> entries) {
  entries_ = std::move(entries);
  scheduled_ = entries_.size();
}

void Background::open(std::vector<std::string> queues) {
  if (!queues.empty())
    worker_ = std::make_unique<job::Worker>(
        job::Worker::Parts{parts_.database, registry_, parts_.clock, parts_.random, parts_.log,
                           thread_.loop(), this},
        job::WorkerOptions{.queues = std::move(queues),
                           .concurrency = config_.concurrency,
                           .prefetch = config_.prefetch,
                           .long_concurrency = config_.long_concurrency,
                           .alive = config_.lease,
                           .beat = config_.lease / 3});
  if (!entries_.empty())
    scheduler_ = std::make_unique<job::Scheduler>(
        job::Scheduler::Parts{parts_.database, queue_, parts_.clock, parts_.random, parts_.log,
                              thread_.loop()},
        std::move(entries_));
}

void Background::start() {
  started_ = true;
  thread_.start();
  if (worker_) worker_->start();
  if (scheduler_) scheduler_->start();
  thread_.loop().post([this] { spawn(count_now_and_then(this)); });
}

void Background::stop(Millis patience) {
  if (!started_ || stopping_.exchange(true)) return;
  if (scheduler_) scheduler_->stop_blocking();
  if (worker_) worker_->stop_blocking(patience);
  thread_.stop();
}

void Background::cancel(JobId id) {
  if (worker_) worker_->cancel(id);
  if (parts_.cluster == nullptr) return;
  cluster::WireWriter out;
  out.byte(kCancel).number(id.value);
  parts_.cluster->tell_all(cluster::Topic::jobs, out.take());
}

// Once for all that was enqueued in this moment.
void Background::tell_others(Millis delay) {
  if (parts_.cluster == nullptr || parts_.cluster->alone()) return;
  const auto tell = [this](Millis in) {
    cluster::WireWriter out;
    out.byte(kNewWork).number(in.count());
    parts_.cluster->tell_all(cluster::Topic::jobs, out.take());
  };
  if (delay > Millis(0) || !worker_) return tell(delay);
  if (telling_.exchange(true)) return;
  thread_.loop().post([this, tell] {
    thread_.loop().run_after(kTellWithin, [this, tell] {
      telling_ = false;
      tell(Millis(0));
    });
  });
}

void Background::hear(std::string_view body) {
  if (!worker_) return;
  cluster::WireReader in(body);
  const auto kind = in.byte();
  const auto value = in.number();
  if (!in.ok() || value < 0) return;
  if (kind == kNewWork) worker_->ring(Millis(value));
  if (kind == kCancel) worker_->cancel(JobId(value));
}

void Background::on_ended(const std::string& task, job::Outcome::Kind outcome, Millis took) {
  seconds_.observe(std::chrono::duration<double>(took).count());
  on_refused(task, outcome);
}

void Background::on_refused(const std::string& task, job::Outcome::Kind outcome) {
  const std::lock_guard lock(mutex_);
  ++ended_[{task, std::string(word_of(outcome))}];
}

void Background::on_progress(const job::Run& run, double fraction, std::string_view note) {
  if (progress_) progress_(run, fraction, note);
}

Task<void> Background::count_now_and_then(Background* self) {
  while (!self->stopping_) {
    auto counting = count(self);
    co_await counting;
    co_await sleep_for{kCountEvery};
  }
}

Task<void> Background::count(Background* self) {
  auto query = [](db::Session& session) { return job::count_jobs(session); };
  auto reading = self->parts_.database.read(query);
  const auto counted = co_await reading;
  const std::lock_guard lock(self->mutex_);
  self->counted_at_ = self->parts_.clock.mono();
  self->counting_ = false;
  if (counted) self->figures_ = *counted;
}

job::Figures Background::figures() {
  const std::lock_guard lock(mutex_);
  if (started_ && !stopping_ && parts_.clock.mono() - counted_at_ > kFresh &&
      !std::exchange(counting_, true))
    thread_.loop().post([this] { spawn(count(this)); });
  auto figures = figures_;
  figures.running = worker_ ? worker_->running() : 0;  // here; the others tell of their own
  return figures;
}

void Background::add_metrics(ops::Metrics& metrics) {
  metrics.add_source([this](ops::Scrape& scrape) {
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [what, count] : ended_)
        scrape.add("indaba_jobs_total", static_cast<double>(count),
                   {{"task", what.first}, {"outcome", what.second}});
    }
    scrape.add_histogram("indaba_job_duration_seconds", seconds_);
    const auto now = figures();
    scrape.add("indaba_jobs_queued", static_cast<double>(now.ready));
    scrape.add("indaba_jobs_running", static_cast<double>(now.running));
    scrape.add("indaba_jobs_failed", static_cast<double>(now.failed));
    scrape.add("indaba_jobs_oldest_seconds", std::chrono::duration<double>(now.oldest).count());
  });
}

}  // namespace indaba::app
