// RedisSession: a connection to the Redis of a target, from the first step to its end: asks the
// Sentinels where it is, connects, signs in, chooses the database, and then hands commands and
// answers through. Each step has a time-out. When it ends it stays ended until start() is called
// again: when that is, is for the owner to say.
//
// Lives on a loop. May be started and closed inside the owner's callbacks, never destroyed there.
#pragma once

#include "cluster/alarm.hpp"
#include "cluster/redis_connection.hpp"

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::cluster {

class RedisSession final : private RedisConnection::Owner {
 public:
  class Owner {
   public:
    virtual void on_session_ready(RedisSession& session) = 0;
    virtual void on_session_reply(RedisSession& session, const RedisReply& reply) = 0;
    // Closed already. `why` is for the log, and holds no secret.
    virtual void on_session_lost(RedisSession& session, const std::string& why) = 0;

   protected:
    ~Owner() = default;
  };

  // `name` is what CLIENT LIST shows.
  RedisSession(net::Loop& loop, const RedisTarget& target, std::string name, Owner& owner);
  ~RedisSession() { close(); }
  RedisSession(const RedisSession&) = delete;
  RedisSession& operator=(const RedisSession&) = delete;

  void start();
  void close();
  [[nodiscard]] bool ready() const noexcept { return stage_ == Stage::ready; }
  [[nodiscard]] std::size_t unsent() const noexcept;

  // Once ready; ignored before. Answers come in the order of commands.
  void command(std::span<const std::string_view> words);
  void command(std::initializer_list<std::string_view> words) {
    command(std::span(words.begin(), words.size()));
  }

 private:
  enum class Stage : unsigned char { closed, sentinel, server, ready };
  enum class Step : unsigned char { auth, ask_master, role, select, name };

  void on_connected() override;
  void on_answer(const RedisReply& reply) override;
  void on_broken(const std::string& why) override;

  void open(const RedisAddress& address, Stage stage);
  void next_sentinel(const std::string& why);
  void ask(Step step, std::initializer_list<std::string_view> words);
  void answered(Step step, const RedisReply& reply);
  void found_master(const RedisReply& reply);
  void on_alarm();
  void drop_connection();
  void fail(const std::string& why);

  net::Loop& loop_;
  const RedisTarget& target_;
  const std::string name_;
  Owner& owner_;
  std::unique_ptr<RedisConnection> connection_;
  Stage stage_ = Stage::closed;
  std::deque<Step> steps_;    // asked, and not answered yet
  std::size_t sentinel_ = 0;  // the one to ask
  std::size_t tried_ = 0;     // so many in this attempt
  std::string failed_;        // at once; told by the alarm
  Alarm alarm_;
};

}  // namespace indaba::cluster
