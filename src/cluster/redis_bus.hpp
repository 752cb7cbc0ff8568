// RedisBus: the bus by Redis' PUBLISH and SUBSCRIBE. Nothing is ever kept in Redis.
//
// One thread with a loop, and two connections on it: one publishes, one subscribes (a connection
// that subscribes may do nothing else). It is up while what it says to itself, over the first and
// on a channel that nobody else knows, comes back over the second: one word a second tells of a
// server that is gone, hangs, pauses, cuts off slow readers, or answers in one direction only.
// Otherwise both are made anew, sooner first and at last every 5 s.
//
// What waits goes out as one write a tick. At most 65,536 messages and 16 MiB wait; nothing waits
// while the bus is down.
#pragma once

#include "base/log.hpp"
#include "base/random.hpp"
#include "cluster/bus.hpp"
#include "cluster/loop_thread.hpp"
#include "cluster/redis_session.hpp"

#include <atomic>
#include <deque>
#include <mutex>
#include <set>
#include <span>
#include <vector>

namespace indaba::cluster {

class RedisBus final : public Bus, private RedisSession::Owner {
 public:
  static constexpr std::size_t kMaxWaiting = 65'536;
  static constexpr std::size_t kMaxWaitingBytes = std::size_t{16} << 20U;
  static constexpr std::string_view kDefaultPrefix = "indaba:";

  // Deployments with different prefixes hear nothing of each other on one Redis. `patterns` are
  // channels that it listens to besides those that it joined, with one * in their names;
  // on_joined() says nothing of them. `clock`, `random` and `log` outlive the bus.
  RedisBus(RedisTarget target, std::string prefix, const Clock& clock, Random& random, Logger& log,
           std::vector<std::string> patterns = {});
  ~RedisBus() override;

  void start(BusListener& listener) override;
  void stop() override;
  void join(std::string_view channel) override;
  void leave(std::string_view channel) override;
  void publish(std::string_view channel, std::string payload) override;
  [[nodiscard]] BusStats stats() const override;

 private:
  struct Waiting {
    std::string channel;
    std::string payload;
  };
  using Names = std::set<std::string, std::less<>>;

  void on_session_ready(RedisSession& session) override;
  void on_session_reply(RedisSession& session, const RedisReply& reply) override;
  void on_session_lost(RedisSession& session, const std::string& why) override;

  void connect();
  void begin();
  void subscribe(const Names& channels);
  void send_with_names(std::string_view command, std::span<const std::string> channels);
  void on_subscriber_reply(const RedisReply& reply);
  void on_publisher_reply(const RedisReply& reply);
  void on_joined(std::string_view wire_channel);
  void on_message(std::string_view wire_channel, std::string_view payload);
  void on_pattern_message(std::string_view wire_pattern, std::string_view wire_channel,
                          std::string_view payload);
  void deliver(std::string_view channel, std::string_view payload);
  void on_alarm();
  void say_to_myself();
  void heard_myself(std::string_view word);
  void fail(const std::string& why);
  void close();
  [[nodiscard]] Millis next_delay();
  void drain();
  [[nodiscard]] std::string on_wire(std::string_view channel) const;
  [[nodiscard]] std::string_view off_wire(std::string_view wire_channel) const noexcept;
  [[nodiscard]] Names wanted() const;

  const RedisTarget target_;
  const std::string prefix_;
  const std::vector<std::string> patterns_;
  Random& random_;
  Logger& log_;
  const std::string own_channel_;  // on the wire

  mutable std::mutex mutex_;
  bool open_ = false;            // guarded by mutex_: what is published may wait
  std::deque<Waiting> waiting_;  // likewise
  std::size_t waiting_bytes_ = 0;
  Names wanted_;  // likewise

  std::atomic<bool> up_{false};
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> ups_{0};
  std::atomic<std::uint64_t> memory_bytes_{0};

  // The loop's own:
  enum class Phase : unsigned char { stopped, waiting, connecting, awaiting_word, resting };
  LoopThread thread_;
  RedisSession publisher_;
  RedisSession subscriber_;
  Alarm alarm_;
  BusListener* listener_ = nullptr;
  Phase phase_ = Phase::stopped;
  Names joined_;
  std::uint64_t word_ = 0;  // the last one said
  unsigned failures_ = 0;   // one after the other
  MonoTime up_since_{};
  std::string told_;  // the reason in the log
};

}  // namespace indaba::cluster
