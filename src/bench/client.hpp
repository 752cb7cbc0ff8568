// Client: a connection's way from its opening to being ready, which readers and senders share.
//
// Opening lets clients open, a few at a time or at a given rate, and gives up on those that take
// too long. Both live in one process, on its thread.
#pragma once

#include "bench/connection.hpp"
#include "bench/plan.hpp"
#include "bench/shared.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::bench {

class Opening;

class Client : protected Connection::Handler {
 public:
  Client(Wire& wire, const Role& role, ProcessBlock& block, std::size_t source)
      : connection_(wire, *this), role_(role), block_(block), source_(source) {}

  // `since`: when it was to open, from which its way is measured. Without an opening it is not
  // counted: a connection that its server need not keep is made anew.
  void open(Opening* opening, std::int64_t since);
  // Gives up where it is not ready since `deadline`.
  void expire(std::int64_t deadline);
  [[nodiscard]] bool is_ready() const noexcept { return ready_; }

 protected:
  [[nodiscard]] virtual std::string target() const { return role_.endpoint.url.target; }
  // The message that it awaited, empty where that was the handshake.
  virtual void on_ready(std::string_view message) = 0;
  virtual void on_next(std::string_view message, std::int64_t now) = 0;
  virtual void on_lost() = 0;
  // Whether an end is no loss: an idle connection that its server need not keep.
  [[nodiscard]] virtual bool may_end() const { return false; }
  void cut();

  Connection connection_;

 private:
  void on_open() final;
  void on_message(std::string_view text, std::int64_t now) final;
  void on_closed(std::string_view why) final;
  void become_ready(std::string_view message, std::int64_t now);
  void settle();

  const Role& role_;
  ProcessBlock& block_;
  Opening* opening_ = nullptr;  // while it is on its way
  std::int64_t opened_at_ = 0;
  std::size_t source_;
  bool ready_ = false;
};

class Opening {
 public:
  // `parallel`: how many may be on their way; `rate`: openings a second, 0 for as fast as that
  // lets.
  Opening(std::vector<Client*> clients, std::size_t parallel, double rate, double timeout_seconds)
      : clients_(std::move(clients)), parallel_(parallel), rate_(rate), timeout_(timeout_seconds) {}

  void start(std::int64_t now);
  // Opens what is due. Returns when to call again at the latest.
  std::int64_t turn(std::int64_t now);
  void settled() noexcept { --under_way_; }

 private:
  std::vector<Client*> clients_;
  std::size_t parallel_;
  double rate_;
  double timeout_;
  std::size_t next_ = 0;
  std::size_t under_way_ = 0;
  std::int64_t began_ = INT64_MAX;
  std::int64_t expire_at_ = 0;
};

}  // namespace indaba::bench
