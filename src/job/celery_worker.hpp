// Worker: takes what Celery's callers put on queues of its own, runs it by the registry, and tells
// what became of it, as a worker of Python's does; but it lets go of a message only when its end is
// recorded, and what a task changes in the database it changes once, however often the message is
// delivered.
//
// A thread with a loop holds everything: the connections to Redis, the messages in hand, and the
// bodies that wait; bodies that block have a pool, where one that is given up and goes on is
// replaced. Events and remote control have a bus of their own. Errors of Redis or the database are
// waited out: the messages stay where they are.
#pragma once

#include "cluster/loop_thread.hpp"
#include "cluster/redis_bus.hpp"
#include "job/celery_broker.hpp"
#include "job/celery_control.hpp"
#include "job/celery_run.hpp"
#include "job/celery_said.hpp"
#include "job/thread_pool.hpp"

#include <atomic>
#include <deque>
#include <map>
#include <vector>

namespace indaba::job::celery {

struct WorkerOptions {
  BrokerOptions broker;  // the worker's name is filled in
  std::size_t concurrency = 4;
  std::size_t prefetch = 2;  // messages in hand, for each that runs
};

struct WorkerStats {
  bool up = false;
  bool refused = false;  // Redis answers, and does not do what it is asked
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t retried = 0;
  std::uint64_t revoked = 0;
  std::uint64_t postponed = 0;
  std::uint64_t unreadable = 0;  // among the dead ones now
  std::uint64_t lost = 0;        // somebody else has it: our end of it was refused
  std::uint64_t restored = 0;    // from workers that were gone
  std::int64_t running = 0;
  std::int64_t in_hand = 0;
  std::int64_t abandoned = 0;  // bodies that were given up, and still run
};

class Worker final : private cluster::BusListener {
 public:
  struct Parts {  // all outlive this
    const Registry& registry;
    db::Database& database;
    const Clock& clock;
    Random& random;
    Logger& log;
  };
  // No `backend`: results stand beside the queues.
  Worker(Parts parts, cluster::RedisTarget broker, std::optional<cluster::RedisTarget> backend,
         WorkerOptions options);
  ~Worker() override;

  void start();
  // Takes nothing more, and gives back what has not begun. Any thread; returns at once.
  void stop_taking();
  // Waits so long for what runs; then asks it to stop, and gives back what still does not. Before
  // the database stops.
  void stop(Millis within);
  // Bodies that block and have not come back: after stop(), the destructor would wait for them.
  [[nodiscard]] int hanging() const { return pool_ ? pool_->busy() : 0; }
  [[nodiscard]] WorkerStats stats() const;  // any thread
  [[nodiscard]] const std::string& name() const noexcept { return teller_.hostname; }

 private:
  // Taking (celery_worker.cpp)
  void begin();
  void on_ready();
  void poll();
  void tend();
  void restore();
  void pull();
  void on_batch(Broker::Batch batch, std::size_t asked);
  void admit_all(Broker::Batch batch);
  void admit(Taken taken);
  void bury(Taken taken, const Poison& poison);
  [[nodiscard]] bool prepare(Run& run);
  void renew(std::function<void()> then);
  void on_lost(const std::vector<std::string>& tags);
  void give_back_ready();
  void give_back_unbegun();
  void give_back_all();
  // By Redis' clock, which all workers share: when something is due, or expired.
  [[nodiscard]] WallTime now() const { return parts_.clock.wall() + skew_; }
  Task<void> purge();

  // Running (celery_worker_run.cpp)
  void dispatch();
  Task<void> execute(RunPtr run);
  Task<Result<Done>> run_body(RunPtr run);
  void arm_limits(const RunPtr& run);
  void on_hard_limit(const RunPtr& run);
  Task<void> record(RunPtr run, Done done);

  // Its end (celery_worker_end.cpp)
  void settle_error(const RunPtr& run, const Error& error);
  void retry(const RunPtr& run, const Error& error);
  void postpone(const RunPtr& run, const Error& error);
  void wait_for_database(const RunPtr& run, const Error& error);
  void put_aside(const RunPtr& run, Exception exception);
  void fail(const RunPtr& run, Exception exception);
  void revoke(const RunPtr& run, bool expired, bool terminated);
  void conclude(const RunPtr& run, Outcome outcome);
  void put_down(const RunPtr& run);
  void let_go(const RunPtr& run);
  void on_ended(const RunPtr& run, Broker::Ended ended);
  void tell_end(const Run& run);
  void leave(const RunPtr& run);
  void settle(Run& run);
  void release_slot(Run& run);
  void abandon(Run& run);
  [[nodiscard]] bool too_many_abandoned() const {
    return static_cast<std::size_t>(abandoned_.load()) >= kMostAbandoned * options_.concurrency;
  }
  void forget(const RunPtr& run);

  // Events and remote control (celery_worker_remote.cpp)
  void on_message(std::string_view channel, std::string_view payload) override;
  void on_joined(std::string_view) override {}
  void on_up() override;
  void on_down() override {}
  void say(std::string_view type, std::string members);
  void say_received(const Message& message);
  void beat(std::string_view type);
  void obey(const Command& command);
  void answer(const Command& command, std::string_view json);
  void answer_scheduled(const Command& command);
  [[nodiscard]] std::string revoke_asked(const Command& command);
  void remember_revoked(const std::string& id);
  void forget_old_revoked();
  static constexpr std::size_t kMostAbandoned = 4;  // for each that may run
  [[nodiscard]] std::string listed(bool running) const;
  [[nodiscard]] std::string registered() const;
  [[nodiscard]] std::string revoked_ids() const;
  [[nodiscard]] std::string active_queues() const;
  [[nodiscard]] std::string figures();
  [[nodiscard]] std::string found_tasks(const Command& command) const;

  const Parts parts_;
  const cluster::RedisTarget target_;
  const std::optional<cluster::RedisTarget> backend_;
  const WorkerOptions options_;
  const Teller teller_;
  const Millis tend_every_;
  cluster::LoopThread thread_;
  Broker broker_;
  cluster::RedisBus bus_;
  std::unique_ptr<ThreadPool> pool_;  // goes while the loop still hears of what comes back

  // The loop's own:
  std::map<std::string, RunPtr> runs_;       // by tag: all that is in hand
  std::deque<RunPtr> ready_;                 // the most urgent first
  std::vector<RunPtr> unsettled_;            // their end could not be told yet
  std::map<std::string, MonoTime> revoked_;  // since when; the order may have older times, too
  std::deque<std::pair<MonoTime, std::string>> revoked_order_;
  std::map<std::string, std::uint64_t> totals_;  // by task
  cluster::Alarm poll_;
  cluster::Alarm tend_;
  cluster::Alarm beat_;
  std::uint64_t taken_ = 0;
  std::size_t settling_ = 0;  // of those in hand
  bool taking_ = false;
  bool began_ = false;
  bool purging_ = false;
  bool looked_for_lost_ = false;
  Millis skew_{0};  // Redis' clock less our own
  Millis pause_{0};
  MonoTime paused_until_{};
  Said said_failed_;
  Said said_postponed_;
  Said said_abandoned_;
  MonoTime renewed_at_{};
  MonoTime purged_at_{};
  MonoTime started_at_{};
  std::uint64_t clock_ = 0;  // Lamport's

  std::atomic<bool> started_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> up_{false};
  std::atomic<bool> refused_{false};
  std::atomic<std::int64_t> running_{0};
  std::atomic<std::int64_t> in_hand_{0};
  std::atomic<std::int64_t> abandoned_{0};
  std::atomic<std::uint64_t> succeeded_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> retried_{0};
  std::atomic<std::uint64_t> revoked_count_{0};
  std::atomic<std::uint64_t> postponed_{0};
  std::atomic<std::uint64_t> unreadable_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> restored_{0};
};

}  // namespace indaba::job::celery
