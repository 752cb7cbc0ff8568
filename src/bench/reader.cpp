#include "bench/reader.hpp"

#include <fmt/format.h>

namespace indaba::bench {

void Reader::leave_for_a_while() {
  cut();
  coming_back_ = true;
}

std::string Reader::target() const {
  const auto& target = role_.endpoint.url.target;
  if (!coming_back_ || !knows_seq_) return target;
  return fmt::format("{}{}since={}&epoch={}", target,
                     target.find('?') == std::string::npos ? '?' : '&', seq_.last, context_.epoch);
}

void Reader::on_ready(std::string_view message) {
  if (!joined_) context_.check.join();
  joined_ = true;
  if (coming_back_ || !context_.checks_seq) return;
  if (context_.epoch.empty()) context_.epoch = text_of(message, "epoch");
  if (const auto head = number_of(message, "head")) {
    seq_.last = *head;
    knows_seq_ = true;
  }
}

void Reader::on_next(std::string_view message, std::int64_t now) {
  const auto event = context_.scanner.find(message);
  if (context_.checks_seq) {
    const auto seq =
        context_.scanner.seq(message, event.value_or(FoundEvent{.at = message.size()}));
    if (seq) take_seq(*seq, now);
  }
  if (!event || !context_.check.take(index_, event->publisher, event->number)) return;
  ++context_.deliveries;
  const auto& run = context_.run;
  if (!coming_back_ && event->sent_at >= run.measure_from.load(std::memory_order_relaxed) &&
      event->sent_at < run.measure_until.load(std::memory_order_relaxed))
    context_.block.latency.add(now - event->sent_at);
}

void Reader::take_seq(std::int64_t seq, std::int64_t now) {
  ++context_.seq_checked;
  if (!knows_seq_) {
    seq_.last = seq;
    knows_seq_ = true;
  } else {
    seq_.take(seq, context_.seq_counts);
  }
  if (coming_back_) check_caught_up(now);
}

void Reader::check_caught_up(std::int64_t now) {
  const auto& run = context_.run;
  if (seq_.last < run.target_seq.load(std::memory_order_relaxed)) return;
  coming_back_ = false;
  ++context_.caught_up;
  context_.block.latency.add(now - run.cut_at.load(std::memory_order_relaxed));
  context_.block.last_caught_up.store(now, std::memory_order_relaxed);
}

void Reader::on_lost() {
  context_.check.leave(index_);
}

}  // namespace indaba::bench
