// DeliveryCheck: what every reader of one process has seen of every publisher's events, so that
// what is missing, came twice or came late is counted, and a closed loop knows what everyone has.
//
// An event is `done` here when all readers of the process that are still connected have it. A
// reader that finds a gap is taken to have what it missed: the loop goes on, the gap is counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace indaba::bench {

struct OrderCounts {
  std::uint64_t missing = 0;
  std::uint64_t doubled = 0;
  std::uint64_t out_of_order = 0;
};

// One sequence of numbers that must go up by one.
struct Order {
  std::int64_t last = 0;
  // Whether `number` is new.
  bool take(std::int64_t number, OrderCounts& counts);
};

class DeliveryCheck {
 public:
  // `window`: at most so many events are under way; 0 where nobody asks for done().
  DeliveryCheck(std::size_t readers, std::size_t publishers, std::size_t window);

  void join() { ++alive_; }
  // A connection ended: nobody waits for its reader any more.
  void leave(std::size_t reader);
  // Whether the event is new to the reader.
  bool take(std::size_t reader, std::size_t publisher, std::int64_t number);
  // Gives up on everything up to `number`.
  void write_off(std::size_t publisher, std::int64_t number);
  // Adds what readers that are still here have not got, when all should have come.
  void count_rest(std::span<const std::int64_t> published);

  [[nodiscard]] std::int64_t done(std::size_t publisher) const { return loops_[publisher].done; }
  [[nodiscard]] std::uint64_t alive() const noexcept { return alive_; }
  // The sum of the last numbers over all readers and publishers.
  [[nodiscard]] std::uint64_t positions() const noexcept { return positions_; }
  [[nodiscard]] const OrderCounts& counts() const noexcept { return counts_; }

 private:
  struct Loop {
    std::int64_t done = 0;
    std::vector<std::uint32_t> readers;  // how many have event done + 1 …, as a ring
  };
  std::uint32_t& slot(Loop& loop, std::int64_t number) {
    return loop.readers[static_cast<std::size_t>(number) & (loop.readers.size() - 1)];
  }
  void advance(Loop& loop);

  std::size_t publishers_;
  std::vector<Order> orders_;  // of each reader, by publisher
  std::vector<bool> left_;
  std::vector<Loop> loops_;
  OrderCounts counts_;
  std::uint64_t alive_ = 0;
  std::uint64_t positions_ = 0;
};

}  // namespace indaba::bench
