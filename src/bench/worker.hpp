// Worker: one client process, its connections and its loop, from the fork to its end.
//
// It does what the phase says, looks at what is due between events, and tells its figures through
// its block. One thread.
#pragma once

#include "bench/delivery_check.hpp"
#include "bench/plan.hpp"
#include "bench/reader.hpp"
#include "bench/sender.hpp"
#include "bench/shared.hpp"
#include "bench/wire.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace indaba::bench {

class Worker {
 public:
  Worker(const Plan& plan, SharedRun& shared, std::size_t process);
  // Until the phase is `end`.
  void run();

 private:
  class Waker final : public Pollable {
   public:
    Waker(Poller& poller, int fd);
    void on_ready(std::uint32_t events) override;

   private:
    int fd_;
  };

  void make_clients();
  void enter(Phase phase);
  void start_load(std::int64_t now);
  void come_back(std::int64_t now);
  void finish();
  // Does what is due; returns when something is due next.
  std::int64_t turn();
  std::int64_t send_due(std::int64_t now);
  std::int64_t send_at_rate(std::int64_t now);
  // The next one, in turn, that can send.
  std::optional<std::size_t> pick_sender();
  std::int64_t fill_window(std::int64_t now);
  [[nodiscard]] std::int64_t done_by_all(std::size_t publisher);
  [[nodiscard]] bool is_window_shared() const noexcept;
  bool has_progressed();
  void give_up_window();
  void tell();

  const Plan& plan_;
  SharedRun& shared_;
  std::size_t process_;
  ProcessBlock& block_;
  Poller poller_;
  ReadBuffer buffer_;
  Waker waker_;
  DeliveryCheck check_;
  std::optional<Wire> reader_wire_;
  std::optional<Wire> sender_wire_;
  ReaderContext reader_context_;
  SenderContext sender_context_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<std::unique_ptr<Sender>> senders_;
  std::unique_ptr<Opening> opening_;

  Phase phase_ = Phase::start;
  bool loaded_ = false;
  bool blocked_ = false;         // the server, not we, holds up an open loop
  std::size_t next_sender_ = 0;  // open loop: whose turn it is
  std::uint64_t paced_ = 0;
  std::int64_t load_began_ = 0;
  double interval_ns_ = 0;
  std::int64_t moved_at_ = 0;  // closed loop: when something moved last
  std::uint64_t progressed_ = 0;
  std::int64_t told_done_ = 0;
};

}  // namespace indaba::bench
