// Client: puts tasks on the queues of a team's Celery, and learns what became of them.
//
// A worker of Celery's that nobody changed runs them. Tasks are named and their arguments are data:
// a message is written from the struct alone. Has a thread of its own; its tasks are awaited on any
// executor, and resume there. What cannot be sent now is `unavailable`: nothing waits.
#pragma once

#include "base/log.hpp"
#include "base/task.hpp"
#include "cluster/loop_thread.hpp"
#include "cluster/redis_bus.hpp"
#include "cluster/redis_client.hpp"
#include "job/celery_message.hpp"
#include "job/celery_result.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace indaba::job::celery {

// A call of a task in Python.
struct Sending {
  std::string task;  // "shop.tasks.send_invoice"
  boost::json::array args;
  boost::json::object kwargs;
  std::string queue = "celery";
  std::string id;  // empty: a new one
  std::optional<WallTime> eta;
  std::optional<WallTime> expires;
  int priority = 0;  // 0 is the most urgent on Redis, 9 the least
  int retries = 0;   // that it counts as having had
  std::optional<Millis> hard;
  std::optional<Millis> soft;
  bool ignore_result = false;
  // The same id is put on the queue once, however often it is sent in a week: for who cannot know
  // whether the last time arrived.
  bool once = false;
};

class Client final : private cluster::BusListener {
 public:
  struct Options {
    // Of the workers: an ETA that is later would be delivered again and again.
    Millis visibility{3'600'000};
  };
  // No `backend`: results stand beside the queues. `clock`, `random` and `log` outlive this.
  Client(cluster::RedisTarget broker, std::optional<cluster::RedisTarget> backend, Options options,
         const Clock& clock, Random& random, Logger& log);
  ~Client() override;

  void start();
  void stop();  // who still waits is told `unavailable`
  // Was connected once.
  [[nodiscard]] bool came_up() const noexcept { return came_up_.load(std::memory_order_relaxed); }

  // The task's id. `invalid` where no worker could run it as it is meant; where the connection
  // breaks meanwhile it is `unavailable` ("outcome_unknown"), and may have been sent.
  Task<Result<std::string>> send(Sending sending);
  // Its end; `unavailable` ("no_result_yet") where there is none in time. A task that failed is an
  // outcome, and no error.
  Task<Result<Outcome>> result(std::string id, Millis within);

 private:
  struct Waiting;
  using Told = std::function<void(Result<Outcome>)>;

  [[nodiscard]] Result<std::string> check_sending(const Sending& sending) const;
  struct Letter {
    std::string id;
    std::string key;
    std::string raw;
    bool once = false;
  };
  void push(const Letter& letter, std::function<void(Result<std::string>)> done);
  void wait(std::string id, Millis within, Told told);
  void look(const std::string& id);
  void heard(const std::string& id, std::string_view text);
  void settle(const std::string& id, const Result<Outcome>& outcome);
  void on_message(std::string_view channel, std::string_view payload) override;
  void on_joined(std::string_view channel) override;
  void on_up() override {}
  void on_down() override {}

  const Options options_;
  const Clock& clock_;
  Random& random_;
  const cluster::RedisTarget target_;
  const cluster::RedisTarget backend_target_;
  cluster::LoopThread thread_;
  cluster::RedisClient client_;
  cluster::RedisClient backend_;
  cluster::RedisBus bus_;
  std::multimap<std::string, std::shared_ptr<Waiting>> waiting_;  // by id; the loop's
  std::atomic<bool> came_up_{false};
  bool started_ = false;
};

}  // namespace indaba::job::celery
