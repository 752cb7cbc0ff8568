#include "job/celery_worker.hpp"

#include "base/check.hpp"
#include "job/celery_done.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <unistd.h>

namespace indaba::job::celery {

namespace {

constexpr Millis kPoll{200};  // for what nothing wakes us for: delayed ones, and lower priorities
constexpr Millis kBeat{2000};
constexpr Millis kLongestTend{4'000};  // what was lost comes back so long after it may, at most
constexpr Millis kToClose{10'000};
constexpr std::size_t kMostAtOnce = 32;
constexpr std::size_t kMostSettling = 64;
constexpr Millis kKeptDone = std::chrono::hours(24);
constexpr std::chrono::minutes kPurgeEvery{10};
constexpr Millis kAskedToStop{1'000};
constexpr Millis kLastWords{500};
constexpr Millis kLook{5};

std::string own_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return fmt::format("indaba-{}@{}", ::getpid(), host[0] == '\0' ? "localhost" : host.data());
}

// Often enough that a lease is renewed twice before it ends.
Millis tend_interval(Millis visibility) {
  return std::clamp(visibility / 4, Millis(100), kLongestTend);
}

template <class Busy>
void wait_while(const Clock& clock, Millis within, Busy busy) {
  const auto until = clock.mono() + within;
  while (busy() && clock.mono() < until) std::this_thread::sleep_for(kLook);
}

}  // namespace

Worker::Worker(Parts parts, cluster::RedisTarget broker,
               std::optional<cluster::RedisTarget> backend, WorkerOptions options)
    : parts_(parts),
      target_(std::move(broker)),
      backend_(std::move(backend)),
      options_(std::move(options)),
      teller_{own_name(), ::getpid()},
      tend_every_(tend_interval(options_.broker.visibility)),
      thread_(parts_.clock),
      broker_(thread_.loop(), target_, backend_ ? &*backend_ : nullptr, options_.broker,
              parts_.clock, parts_.random, parts_.log),
      bus_(target_, "", parts_.clock, parts_.random, parts_.log),
      // As many as may hang, and those that run beside them.
      pool_(std::make_unique<ThreadPool>(
          static_cast<int>(options_.concurrency),
          static_cast<int>((kMostAbandoned + 1) * options_.concurrency))),
      poll_([this] { poll(); }),
      tend_([this] { tend(); }),
      beat_([this] {
        thread_.loop().arm(beat_, kBeat);
        beat("worker-heartbeat");
      }) {
  check(!options_.broker.queues.empty() && options_.concurrency > 0,
        "a Celery worker has queues, and runs at least one task at once");
}

Worker::~Worker() {
  if (started_) stop(Millis(0));
  pool_.reset();
  thread_.stop();
}

void Worker::start() {
  started_ = true;
  thread_.start();
  bus_.join(pidbox_channel(target_.db()));
  bus_.start(*this);
  thread_.loop().post([this] { begin(); });
}

void Worker::begin() {
  auto& loop = thread_.loop();
  started_at_ = loop.now();
  parts_.log.info("celery", "runs tasks of Celery's",
                  {{"worker", name()},
                   {"redis", target_.shown()},
                   {"queues", fmt::format("{}", fmt::join(options_.broker.queues, ","))}});
  broker_.start([this] { on_ready(); }, [this] { pull(); });
  loop.arm(poll_, kPoll);
  loop.arm(tend_, tend_every_);
  loop.arm(beat_, kBeat);
}

// Each time that Redis can be reached (again): first whether what is in hand is still ours.
void Worker::on_ready() {
  renew([] {});
  broker_.recall_revoked([this](const auto& ids) {
    for (const auto& id : ids) remember_revoked(id);
    began_ = true;
    pull();
  });
  for (const auto& run : std::exchange(unsettled_, {})) let_go(run);
}

void Worker::poll() {
  thread_.loop().arm(poll_, kPoll);
  refused_ = broker_.refuses();
  up_ = broker_.ready() && !broker_.refuses();
  if (broker_.ready())
    for (const auto& run : std::exchange(unsettled_, {})) let_go(run);
  pull();
}

// Our leases first: what we still have is not what somebody lost.
void Worker::tend() {
  auto& loop = thread_.loop();
  loop.arm(tend_, tend_every_);
  // What was lost is looked for first: it may be done, and only the row says so.
  if (looked_for_lost_ && loop.now() - purged_at_ > kPurgeEvery && !purging_) {
    purging_ = true;
    purged_at_ = loop.now();
    spawn(purge());
  }
  forget_old_revoked();
  if (!broker_.reachable()) return;
  renew([this] {
    if (renewed_at_ == thread_.loop().now()) restore();
  });
}

// One answer has a part of what was lost: as long as any of it comes back, there may be more.
void Worker::restore() {
  if (stopping_) return;
  broker_.restore([this](int back, int dead) {
    if (!std::exchange(looked_for_lost_, true)) purged_at_ = thread_.loop().now();
    if (back + dead == 0) return;
    restored_ += static_cast<std::uint64_t>(back);
    unreadable_ += static_cast<std::uint64_t>(dead);
    parts_.log.warn("celery", "tasks of workers that are gone",
                    {{"restored", back}, {"given_up", dead}});
    pull();
    if (back > 0) restore();
  });
}

void Worker::renew(std::function<void()> then) {
  std::vector<Broker::Held> held;
  for (const auto& [tag, run] : runs_) held.push_back({tag, run->taken.queue});
  broker_.renew(held, [this, then = std::move(then)](const Broker::Gone& gone) {
    if (gone) {
      renewed_at_ = thread_.loop().now();
      on_lost(*gone);
    }
    then();
  });
}

void Worker::pull() {
  if (stopping_ || taking_ || !began_ || !broker_.ready()) return;
  if (thread_.loop().now() < paused_until_ || too_many_abandoned()) return;
  const auto most = options_.concurrency * std::max<std::size_t>(1, options_.prefetch);
  // What only waits for its end to be recorded keeps nobody from running: a commit that takes its
  // time is shared by many.
  const auto active = runs_.size() - settling_;
  if (active >= most || settling_ >= kMostSettling) return;
  const auto count = std::min(most - active, kMostAtOnce);
  taking_ = true;
  broker_.take(count, [this, count](Broker::Batch batch) { on_batch(std::move(batch), count); });
}

void Worker::on_batch(Broker::Batch batch, std::size_t asked) {
  taking_ = false;
  if (!batch.answered) return;
  if (batch.dead > 0) {
    unreadable_ += static_cast<std::uint64_t>(batch.dead);
    parts_.log.warn("celery", "messages that cannot be read were put aside",
                    {{"count", batch.dead}});
  }
  const bool more = batch.taken.size() == asked || batch.full || batch.dead > 0;
  admit_all(std::move(batch));
  if (stopping_) return;
  if (more)
    pull();
  else
    broker_.watch();
}

void Worker::admit_all(Broker::Batch batch) {
  skew_ = batch.now - parts_.clock.wall();
  if (stopping_ || thread_.loop().now() < paused_until_) {
    std::vector<std::string> tags;
    for (auto& one : batch.taken) tags.push_back(std::move(one.tag));
    return broker_.give_back(tags, [] {});
  }
  for (auto& one : batch.taken) admit(std::move(one));
  dispatch();
}

void Worker::admit(Taken taken) {
  auto read = decode(taken.raw);
  if (const auto* poison = std::get_if<Poison>(&read)) return bury(std::move(taken), *poison);
  const auto run =
      std::make_shared<Run>(std::move(std::get<Message>(read)), std::move(taken), broker_.marker());
  run->number = ++taken_;
  runs_.emplace(run->taken.tag, run);
  in_hand_ = static_cast<std::int64_t>(runs_.size());
  say_received(run->message);
  if (run->message.expires && *run->message.expires <= now()) return revoke(run, true, false);
  if (revoked_.contains(run->message.id)) return revoke(run, false, false);
  if (run->message.eta && *run->message.eta > now()) {
    run->ending.due = *run->message.eta;
    run->ending.way = Ending::Way::delay;
    run->ending.raw = run->taken.raw;
    return let_go(run);
  }
  if (!prepare(*run)) {
    // Of a name that nobody here knows; a later version may.
    if (run->definition == nullptr) return put_aside(run, *run->outcome.exception);
    return fail(run, *run->outcome.exception);
  }
  const auto behind = std::ranges::upper_bound(
      ready_, step_of(run->message.priority), {},
      [](const RunPtr& other) { return step_of(other->message.priority); });
  ready_.insert(behind, run);
}

// What it takes to begin. False: the outcome says what is wrong.
bool Worker::prepare(Run& run) {
  const auto refuse = [&](Exception exception) {
    run.outcome.exception = std::move(exception);
    return false;
  };
  const auto& message = run.message;
  run.definition = parts_.registry.find(message.task);
  if (run.definition != nullptr && !run.definition->celery) run.definition = nullptr;
  if (run.definition == nullptr) return refuse(of_celery("NotRegistered", message.task));
  if (!message.follows.empty())
    return refuse(builtin("NotImplementedError",
                          fmt::format("Indaba runs single tasks; this one has a {} after it. Let a "
                                      "worker of Celery's run the parts of a canvas.",
                                      message.follows)));
  auto named = named_arguments(message, *run.definition);
  if (!named) return refuse(builtin("TypeError", named.error().detail));
  run.named = *std::move(named);
  return true;
}

void Worker::bury(Taken taken, const Poison& poison) {
  ++unreadable_;
  parts_.log.warn("celery", "a message that cannot be run was put aside",
                  {{"queue", taken.queue}, {"task_id", poison.id}, {"reason", poison.reason}});
  Message message;
  message.id = poison.id;
  message.task = poison.task;
  message.ignore_result = poison.ignore_result;
  const auto run = std::make_shared<Run>(std::move(message), std::move(taken), broker_.marker());
  runs_.emplace(run->taken.tag, run);
  in_hand_ = static_cast<std::int64_t>(runs_.size());
  put_aside(run, of_celery("InvalidTaskError", poison.reason));
}

// Somebody else may have them by now.
void Worker::on_lost(const std::vector<std::string>& tags) {
  for (const auto& tag : tags) {
    const auto found = runs_.find(tag);
    if (found == runs_.end()) continue;
    const auto run = found->second;
    if (run->stage == Run::Stage::over) continue;   // the end is under way, and will say so
    if (run->marker != broker_.marker()) continue;  // Redis was emptied: nobody else has it
    ++lost_;
    parts_.log.warn("celery", "a task went to another worker, because this one stood still",
                    {{"task_id", run->message.id}, {"task", run->message.task}});
    run->asked_to_stop = true;
    forget(run);
  }
  if (!tags.empty()) dispatch();
}

void Worker::give_back_ready() {
  std::vector<std::string> tags;
  for (const auto& run : std::exchange(ready_, {})) {
    tags.push_back(run->taken.tag);
    forget(run);
  }
  broker_.give_back(tags, [] {});
}

// In the order in which they came.
void Worker::give_back_unbegun() {
  std::vector<RunPtr> all;
  for (const auto& [tag, run] : runs_)
    if (run->stage == Run::Stage::ready || run->stage == Run::Stage::looking) all.push_back(run);
  std::ranges::sort(all, {}, [](const RunPtr& run) { return run->number; });
  std::vector<std::string> tags;
  for (const auto& run : all) {
    tags.push_back(run->taken.tag);
    forget(run);
  }
  postponed_ += all.size();
  broker_.give_back(tags, [] {});
}

void Worker::give_back_all() {
  give_back_ready();
  std::vector<RunPtr> begun;  // copies: who is forgotten is in runs_ no more
  for (const auto& [tag, run] : runs_)
    if (run->stage == Run::Stage::running || run->stage == Run::Stage::looking)
      begun.push_back(run);
  std::vector<std::string> tags;
  for (const auto& run : begun) {
    tags.push_back(run->taken.tag);
    forget(run);
  }
  if (!tags.empty())
    parts_.log.warn("celery", "tasks that did not end in time go back to their queues",
                    {{"count", tags.size()}});
  broker_.give_back(tags, [] {});
}

void Worker::stop_taking() {
  if (stopping_.exchange(true)) return;
  thread_.loop().post([this] { give_back_ready(); });
}

void Worker::stop(Millis within) {
  if (!started_.exchange(false)) return;
  stop_taking();
  const auto busy = [this] { return in_hand_.load() > 0; };
  wait_while(parts_.clock, within, busy);
  if (busy()) {
    thread_.loop().post([this] {
      for (const auto& [tag, run] : runs_) run->asked_to_stop = true;
    });
    wait_while(parts_.clock, kAskedToStop, busy);
  }
  const auto told = std::make_shared<std::atomic<bool>>(false);
  thread_.loop().post([this, told] {
    give_back_all();
    beat("worker-offline");
    broker_.delayed([told](const auto&) { *told = true; });  // answered after all else
  });
  // Also what is being recorded is waited for: it is nearly done.
  wait_while(parts_.clock, kLastWords, [&] { return !told->load() || busy(); });
  const auto closed = std::make_shared<std::atomic<bool>>(false);
  thread_.loop().post([this, closed] {
    poll_.disarm();
    tend_.disarm();
    beat_.disarm();
    for (const auto& [tag, run] : runs_) {
      run->soft.disarm();
      run->hard.disarm();
    }
    broker_.stop();
    *closed = true;
  });
  wait_while(parts_.clock, kToClose, [&] { return !closed->load(); });
  bus_.stop();
  wait_while(parts_.clock, kLastWords, [&] { return hanging() > 0; });
  if (hanging() == 0) thread_.stop();
}

Task<void> Worker::purge() {
  for (bool more = true; more && !stopping_;) {
    const auto kept = std::max(kKeptDone, 2 * options_.broker.visibility);
    auto purging = purge_done(parts_.database, parts_.clock.wall() - kept);
    const auto purged = co_await purging;
    more = purged && *purged > 0;
  }
  purging_ = false;
}

WorkerStats Worker::stats() const {
  return {.up = up_.load(),
          .refused = refused_.load(),
          .succeeded = succeeded_.load(),
          .failed = failed_.load(),
          .retried = retried_.load(),
          .revoked = revoked_count_.load(),
          .postponed = postponed_.load(),
          .unreadable = unreadable_.load(),
          .lost = lost_.load(),
          .restored = restored_.load(),
          .running = running_.load(),
          .in_hand = in_hand_.load(),
          .abandoned = abandoned_.load()};
}

}  // namespace indaba::job::celery
