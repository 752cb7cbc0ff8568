// RedisConnection: one socket to one Redis, on a loop. hiredis connects it and parses what comes;
// what goes out is gathered and leaves as one write a tick.
//
// (hiredis' own callbacks are not used: its 0.14 frees a connection inside them, and ends the
// process by an assertion where a server says what it does not expect.)
//
// Lives on its loop, owned by whoever opened it; give it to Loop::bury() after close(), so that it
// outlives the tick. RESP2, without TLS. A name is resolved when it connects, which blocks the
// loop: a loop of its own, please.
#pragma once

#include "cluster/redis_reply.hpp"
#include "cluster/redis_target.hpp"
#include "net/loop.hpp"

#include <hiredis/hiredis.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace indaba::cluster {

class RedisConnection final : public net::Pollable {
 public:
  // What was said is gone when the call returns. Each may close the connection.
  class Owner {
   public:
    virtual void on_connected() = 0;
    virtual void on_answer(const RedisReply& reply) = 0;
    virtual void on_broken(const std::string& why) = 0;  // closed already; once, nothing after it

   protected:
    ~Owner() = default;
  };

  RedisConnection(net::Loop& loop, Owner& owner) : loop_(loop), owner_(owner) {}
  ~RedisConnection() override;
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // An error where it fails at once; otherwise on_connected() or on_broken() follows.
  [[nodiscard]] Result<void> open(const RedisAddress& address);
  // Queues a command; all of a tick's leave together. Ignored after close().
  void command(std::span<const std::string_view> words);
  void close();
  [[nodiscard]] std::size_t unsent() const noexcept { return out_.size() - sent_; }

 private:
  void on_ready(std::uint32_t events) override;
  void on_tick_end() override { flush(); }
  void finish_connecting();
  void read();
  void flush();
  void want_write(bool want);
  void mark_dirty();
  void fail(const std::string& why);

  struct Free {
    void operator()(redisContext* context) const noexcept { redisFree(context); }
  };
  net::Loop& loop_;
  Owner& owner_;
  std::unique_ptr<redisContext, Free> context_;
  std::string out_;
  std::size_t sent_ = 0;  // of out_
  bool connected_ = false;
  bool closed_ = true;
  bool dirty_ = false;
  bool wants_write_ = false;
};

}  // namespace indaba::cluster
