// RedisClient: commands and their answers, over one connection that is made anew when it breaks
// (sooner at first, at last every 5 s). What was asked when it broke is answered "lost": it may
// have happened or not.
//
// A connection on which a command waits for 5 s is taken for broken. Lives on a loop, is never
// destroyed in a callback. Tells the log once of each change.
#pragma once

#include "base/log.hpp"
#include "base/random.hpp"
#include "cluster/redis_session.hpp"

#include <deque>
#include <functional>

namespace indaba::cluster {

class RedisClient final : private RedisSession::Owner {
 public:
  // nullptr where it is lost. The reply lives as long as the call.
  using Answered = std::move_only_function<void(const RedisReply* reply)>;

  // All outlive this. `name` is what CLIENT LIST and the log show.
  RedisClient(net::Loop& loop, const RedisTarget& target, std::string name, Random& random,
              Logger& log);

  // `on_ready` is called each time the connection stands.
  void start(std::function<void()> on_ready);
  void stop();
  [[nodiscard]] bool ready() const noexcept { return session_.ready(); }
  // Asked and not answered.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  // Answers come in the order of calls; at once with nullptr where there is no connection.
  void call(std::span<const std::string_view> words, Answered answered);
  void call(std::initializer_list<std::string_view> words, Answered answered) {
    call(std::span(words.begin(), words.size()), std::move(answered));
  }

 private:
  struct Waiting {
    Answered answered;
    MonoTime since;
  };
  void on_session_ready(RedisSession& session) override;
  void on_session_reply(RedisSession& session, const RedisReply& reply) override;
  void on_session_lost(RedisSession& session, const std::string& why) override;
  void on_alarm();
  void lose_waiting();
  void retry_later();

  net::Loop& loop_;
  const RedisTarget& target_;
  const std::string name_;
  Random& random_;
  Logger& log_;
  RedisSession session_;
  Alarm alarm_;
  std::function<void()> on_ready_;
  std::deque<Waiting> waiting_;
  unsigned failures_ = 0;
  std::string told_;
  bool stopped_ = true;
};

}  // namespace indaba::cluster
