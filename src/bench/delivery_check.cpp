#include "bench/delivery_check.hpp"

#include <algorithm>
#include <bit>

namespace indaba::bench {

bool Order::take(std::int64_t number, OrderCounts& counts) {
  if (number <= last) {
    ++(number == last ? counts.doubled : counts.out_of_order);
    return false;
  }
  counts.missing += static_cast<std::uint64_t>(number - last - 1);
  last = number;
  return true;
}

DeliveryCheck::DeliveryCheck(std::size_t readers, std::size_t publishers, std::size_t window)
    : publishers_(publishers), orders_(readers * publishers), left_(readers), loops_(publishers) {
  if (window == 0) return;
  for (auto& loop : loops_) loop.readers.resize(std::bit_ceil(window * 2));
}

bool DeliveryCheck::take(std::size_t reader, std::size_t publisher, std::int64_t number) {
  if (publisher >= publishers_) return false;
  auto& order = orders_[reader * publishers_ + publisher];
  const auto before = order.last;
  if (!order.take(number, counts_)) return false;
  positions_ += static_cast<std::uint64_t>(number - before);
  auto& loop = loops_[publisher];
  if (loop.readers.empty()) return true;
  const auto most = static_cast<std::int64_t>(loop.readers.size());
  if (number - loop.done > most) write_off(publisher, number - most);
  for (auto each = std::max(before, loop.done) + 1; each <= number; ++each) ++slot(loop, each);
  advance(loop);
  return true;
}

void DeliveryCheck::advance(Loop& loop) {
  while (alive_ > 0 && slot(loop, loop.done + 1) >= alive_) {
    ++loop.done;
    slot(loop, loop.done) = 0;
  }
}

void DeliveryCheck::leave(std::size_t reader) {
  if (left_[reader]) return;
  left_[reader] = true;
  --alive_;
  for (std::size_t publisher = 0; publisher < publishers_; ++publisher) {
    const auto last = orders_[reader * publishers_ + publisher].last;
    positions_ -= static_cast<std::uint64_t>(last);
    auto& loop = loops_[publisher];
    if (loop.readers.empty()) continue;
    for (auto each = loop.done + 1; each <= last; ++each) --slot(loop, each);
    advance(loop);
  }
}

void DeliveryCheck::write_off(std::size_t publisher, std::int64_t number) {
  auto& loop = loops_[publisher];
  if (loop.readers.empty() || number <= loop.done) return;
  if (number - loop.done >= static_cast<std::int64_t>(loop.readers.size())) {
    std::ranges::fill(loop.readers, 0);
    loop.done = number;
  }
  while (loop.done < number) slot(loop, ++loop.done) = 0;
  advance(loop);
}

void DeliveryCheck::count_rest(std::span<const std::int64_t> published) {
  for (std::size_t i = 0; i < orders_.size(); ++i) {
    if (left_[i / publishers_]) continue;
    counts_.missing += static_cast<std::uint64_t>(
        std::max<std::int64_t>(published[i % publishers_] - orders_[i].last, 0));
  }
}

}  // namespace indaba::bench
