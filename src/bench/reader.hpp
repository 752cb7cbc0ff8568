// Reader: one connection that waits for events and checks what comes.
#pragma once

#include "bench/client.hpp"
#include "bench/delivery_check.hpp"
#include "bench/text_scan.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace indaba::bench {

// What the readers of one process share.
struct ReaderContext {
  RunBlock& run;
  ProcessBlock& block;
  DeliveryCheck& check;
  bool checks_seq = false;
  EventScanner scanner{};
  OrderCounts seq_counts{};
  std::uint64_t seq_checked = 0;
  std::uint64_t deliveries = 0;
  std::uint64_t caught_up = 0;
  std::string epoch{};  // of the one stream that everyone reads
};

class Reader final : public Client {
 public:
  Reader(Wire& wire, const Role& role, ReaderContext& context, std::size_t index,
         std::size_t source)
      : Client(wire, role, context.block, source), context_(context), role_(role), index_(index) {}

  // Reconnect: drops the connection; the next open() continues after what it has.
  void leave_for_a_while();

 private:
  [[nodiscard]] std::string target() const override;
  void on_ready(std::string_view message) override;
  void on_next(std::string_view message, std::int64_t now) override;
  void on_answer(int, std::string_view, std::int64_t) override {}
  void on_lost() override;
  void take_seq(std::int64_t seq, std::int64_t now);
  void check_caught_up(std::int64_t now);

  ReaderContext& context_;
  const Role& role_;
  std::size_t index_;  // within the process
  Order seq_;
  bool knows_seq_ = false;
  bool joined_ = false;
  bool coming_back_ = false;
};

}  // namespace indaba::bench
