// Sender: one connection that sends events, and knows which of them were answered.
//
// In a closed loop it sends as its window lets it, in an open loop when it is told to; the time
// that an event carries, and from which its latency counts, is when it was to be sent.
#pragma once

#include "bench/client.hpp"
#include "bench/delivery_check.hpp"
#include "bench/text_scan.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace indaba::bench {

// What the senders of one process share.
struct SenderContext {
  const Plan& plan;
  RunBlock& run;
  ProcessBlock& block;
  bool sending = false;             // refill on answers: a closed loop under load
  std::uint64_t left = UINT64_MAX;  // how many events may still be sent
  EventScanner scanner{};
  OrderCounts echo_counts{};
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t outstanding = 0;  // sent and not answered
  std::uint64_t late = 0;
  std::string body{};  // reused
};

class Sender final : public Client {
 public:
  Sender(Wire& wire, SenderContext& context, std::size_t publisher, std::size_t source)
      : Client(wire, *context.plan.senders, context.block, source),
        context_(context),
        wire_(wire),
        publisher_(publisher) {}

  // Opens again what its server ended between two requests, now and then.
  void revive(std::int64_t now);
  // Whether one more may be sent: connected, and neither its window nor its buffer is full.
  [[nodiscard]] bool can_send() const;
  // Puts one event behind the others; flush() writes it. can_send() must hold.
  void put(std::int64_t intended, std::int64_t now);
  void flush() { connection_.flush(); }
  // Fills its window, where answers move it.
  void refill();
  [[nodiscard]] std::int64_t number() const noexcept { return number_; }

 private:
  void on_ready(std::string_view) override {}
  void on_next(std::string_view message, std::int64_t now) override;
  void on_answer(int status, std::string_view body, std::int64_t now) override;
  void on_batch_end() override { refill(); }
  void on_lost() override;
  [[nodiscard]] bool may_end() const override;
  // When the oldest that awaits its answer was to be sent; it does not any more.
  std::int64_t pop();
  void take_answer(std::int64_t now);
  void take_error(std::string_view code);
  void take_echo(std::string_view message, std::int64_t now);
  void note_seq(std::string_view message);
  [[nodiscard]] bool is_http() const noexcept {
    return wire_.endpoint.protocol == Protocol::http_post;
  }

  SenderContext& context_;
  Wire& wire_;
  std::size_t publisher_;
  std::int64_t number_ = 0;
  std::int64_t revive_at_ = 0;
  Order echo_;
  std::deque<std::int64_t> in_flight_;  // when what awaits its answer was to be sent
};

}  // namespace indaba::bench
