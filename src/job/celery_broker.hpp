// Broker: what a worker does with its queues in Redis: takes, keeps, lets go of, gives back and
// restores messages, each by one atomic script (celery_scripts.hpp).
//
// Lives on the worker's loop. What was asked while the connection broke may have happened: a taking
// is undone as soon as the connection stands again, whoever lets go of a message asks again.
#pragma once

#include "cluster/redis_client.hpp"
#include "job/celery_said.hpp"
#include "job/celery_scripts.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace indaba::job::celery {

struct BrokerOptions {
  std::vector<std::string> queues;
  Millis visibility{3'600'000};
  std::chrono::seconds result_expires{86'400};  // 0: a result is kept for ever
  std::string worker;                           // its name
};

struct Taken {
  std::string tag;
  std::string queue;
  std::string raw;
};

// How a message is let go of.
struct Ending {
  enum class Way : unsigned char { ack, delay, dead };
  std::string tag;
  std::string marker;  // of when it was taken
  std::string queue;
  Way way = Way::ack;
  std::string raw;  // what is delayed or dead
  int priority = 0;
  WallTime due{};
  std::string result_key;  // empty: nothing is told
  std::string result;
  bool success = false;
};

class Broker {
 public:
  // unknown: there was no answer; ask again when the connection stands. not_ours: nothing was done.
  enum class Ended : unsigned char { done, not_ours, unknown };

  // All outlive this; `backend` may be `target`'s own (the same address).
  Broker(net::Loop& loop, const cluster::RedisTarget& target, const cluster::RedisTarget* backend,
         BrokerOptions options, const Clock& clock, Random& random, Logger& log);
  ~Broker();

  // `on_ready` each time that it stands, `on_message` when something is to be taken.
  void start(std::function<void()> on_ready, std::function<void()> on_message);
  void stop();
  // The broker alone: enough to keep what is in hand, or to give it back.
  [[nodiscard]] bool reachable() const noexcept { return client_.ready(); }
  [[nodiscard]] bool ready() const noexcept {
    return reachable() && (!backend_ || backend_->ready());
  }
  // It answers, and does not do what it is asked: it is a copy, full, or holds something else
  // there.
  [[nodiscard]] bool refuses() const noexcept { return take_refused_ || renew_refused_; }

  // At most so many; none where there is no connection. `dead` were put among the dead ones.
  struct Batch {
    std::vector<Taken> taken;
    std::int64_t dead = 0;
    WallTime now{};  // by Redis' clock
    bool answered = false;
    bool full = false;  // there may be more: those of one answer are large
  };
  void take(std::size_t count, std::function<void(Batch)> done);
  // Calls on_message() once a message stands in one of the queues.
  void watch();
  void end(const Ending& ending, std::function<void(Ended)> done);
  void tell(const std::string& tag, const std::string& result_key, const std::string& result);
  // `done` hears the tags that another one may have by now; none where there is no answer.
  using Gone = std::optional<std::vector<std::string>>;
  struct Held {
    std::string tag;
    std::string queue;
  };
  void renew(const std::vector<Held>& held, std::function<void(Gone)> done);
  void give_back(const std::vector<std::string>& tags, std::function<void()> done);
  // What others took and did not finish goes back to its queue. `done` hears how many, and how many
  // were given up, because that happened too often or nobody could read them; nothing where Redis
  // did not do it, or somebody else does.
  void restore(std::function<void(int, int)> done);
  // What is delayed: the first of each queue, as raw messages.
  void delayed(std::function<void(std::vector<std::string>)> done);
  // What is delayed and has one of these ids is taken, as by take(); `done` may hear of several
  // parts.
  void take_delayed(const std::vector<std::string>& ids, std::function<void(Batch)> done);
  void remember_revoked(const std::vector<std::string>& ids);
  void recall_revoked(std::function<void(std::vector<std::string>)> done);
  void push(const std::string& key, const std::string& raw, std::chrono::seconds kept);

  [[nodiscard]] const std::string& marker() const noexcept { return marker_; }
  [[nodiscard]] const BrokerOptions& options() const noexcept { return options_; }

 private:
  struct Watch;
  struct Delayed;
  void on_client_ready();
  void forget_orphans();
  void watch_queue(Watch& watch);
  void end_here(const Ending& ending, bool with_result, std::function<void(Ended)> done);
  void store(const std::string& result_key, const std::string& result, bool success,
             std::function<void(bool)> done);
  void tell_refused(std::int64_t bytes, std::string_view excerpt);
  void restore_one(std::string_view tag, std::string_view value, std::string_view before,
                   const std::shared_ptr<std::pair<int, int>>& count);
  void take_delayed_part(const std::shared_ptr<Delayed>& asked);
  // Whether it is an answer; an error is told to the log.
  bool heard(const cluster::RedisReply* reply);
  [[nodiscard]] std::string seconds_kept() const;
  void tell_log(const std::string& error);
  [[nodiscard]] std::string delayed_key(std::string_view queue) const;
  [[nodiscard]] std::string dead_key(std::string_view queue) const;

  const BrokerOptions options_;
  net::Loop& loop_;
  const Clock& clock_;
  Random& random_;
  Logger& log_;
  cluster::RedisClient client_;
  std::unique_ptr<cluster::RedisClient> backend_;  // where results are kept elsewhere
  std::vector<std::unique_ptr<Watch>> watches_;    // one a queue
  std::function<void()> on_ready_;
  std::function<void()> on_message_;
  std::vector<std::string> orphans_;  // tags that may have been taken
  std::string marker_;                // of all workers, as long as Redis forgets nothing
  std::string told_;                  // the last error in the log
  MonoTime told_at_{};
  Said said_;
  std::size_t first_ = 0;       // the queue that comes first
  std::int64_t lost_from_ = 0;  // where looking for what others lost goes on
  bool take_refused_ = false;
  bool renew_refused_ = false;
  bool watching_ = false;
  bool can_watch_ = true;
};

}  // namespace indaba::job::celery
