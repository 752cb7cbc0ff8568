// The inside of a Worker, on its executor.
//
//   claim -> lanes -> runs -> outcomes -> record
//
// drive() is the one coroutine that claims and beats, so that the two never meet; record_all() is
// the one that records what needs no effect.
#pragma once

#include "job/lane.hpp"
#include "job/worker.hpp"

#include <deque>
#include <unordered_map>

namespace indaba::job {

struct Worker::State : std::enable_shared_from_this<Worker::State> {
  static constexpr std::size_t kMostUnrecorded = 4096;

  State(Parts p, WorkerOptions o);

  void begin();
  void leave(Millis patience, std::function<void()> then);
  // Goes on with whatever can go on.
  void poke();
  void due_in(Millis delay);
  void hope();
  void stop_run(JobId id, Run::Why why);

  // worker_drive.cpp
  static Task<void> drive(std::shared_ptr<State> self);
  [[nodiscard]] bool wants_more() const;
  [[nodiscard]] bool may_run() const;  // what is to be recorded has a bound
  Task<bool> beat();
  Task<bool> claim();
  void wake_in(Millis delay);

  // worker_runs.cpp
  void start_waiting();
  void begin_run(Lane& lane, Claimed claimed);
  void give_back(const Claimed& claimed);
  void run_body_of(const std::shared_ptr<Run>& run);
  static Task<void> run_suspect(std::shared_ptr<State> self, std::shared_ptr<Run> run);
  static Task<void> run_body(std::shared_ptr<State> self, std::shared_ptr<Run> run);
  void run_on_thread(const std::shared_ptr<Run>& run);
  void ended(const std::shared_ptr<Run>& run, Result<Done> result);
  bool let_go(const std::shared_ptr<Run>& run);
  void lose(std::shared_ptr<Run> run);
  [[nodiscard]] Outcome failure(const Run& run, const Error& error);
  void tell(Run& run, double fraction, std::string_view note);
  void watch_limits();
  void give_up(const std::shared_ptr<Run>& run);

  // worker_record.cpp
  void put(Outcome outcome);
  void told_end(const Run& run, Outcome::Kind kind);
  void tell_refused(const std::string& task, Outcome::Kind kind);
  static Task<void> record_all(std::shared_ptr<State> self);
  static Task<void> record_effect(std::shared_ptr<State> self, std::shared_ptr<Run> run, Done done);
  void maybe_left();
  static Task<void> say_goodbye(std::shared_ptr<State> self);

  const Parts parts;
  const WorkerOptions options;
  Ledger ledger;
  std::vector<Lane> lanes;
  std::unique_ptr<ThreadPool> pool;  // goes with the worker, on its owner's thread
  std::atomic<bool> rung{false};
  std::atomic<int> running_now{0};

  bool driving = false;
  bool open = false;
  bool starting = false;  // inside start_waiting()
  bool recording = false;
  bool watching = false;  // the limits of time
  bool leaving = false;
  bool gone = false;
  MonoTime next_beat{};
  MonoTime next_claim{};  // after an error, not before
  MonoTime wakes_at{};
  std::unordered_map<JobId, std::shared_ptr<Run>> runs;
  std::multiset<JobId> effects;  // being recorded
  std::vector<Outcome> outcomes;
  std::function<void()> when_left;
};

}  // namespace indaba::job
