#include "bench/sender.hpp"

#include <fmt/format.h>

namespace indaba::bench {

namespace {

// What an open loop may have under way on a connection: beyond it sends are late, and say so.
constexpr std::size_t kMostInFlight = 8192;
constexpr std::size_t kMostUnsent = 256 * 1024;
constexpr std::int64_t kLate = 1'000'000;
constexpr std::int64_t kReviveEvery = 10'000'000;

}  // namespace

void Sender::revive(std::int64_t now) {
  if (!connection_.is_closed() || !is_http() || number_ == 0 || now < revive_at_) return;
  revive_at_ = now + kReviveEvery;
  open(nullptr, now);
}

void Sender::on_lost() {
  context_.outstanding -= in_flight_.size();
  in_flight_.clear();
}

std::int64_t Sender::pop() {
  const auto intended = in_flight_.front();
  in_flight_.pop_front();
  --context_.outstanding;
  return intended;
}

bool Sender::may_end() const {
  return is_http() && in_flight_.empty();
}

bool Sender::can_send() const {
  if (!is_ready() || connection_.unsent() > kMostUnsent) return false;
  if (is_http()) return in_flight_.empty();
  return in_flight_.size() < kMostInFlight;
}

void Sender::put(std::int64_t intended, std::int64_t now) {
  context_.body.clear();
  context_.plan.event->append_to(context_.body, {++number_, intended, publisher_}, wire_.random);
  connection_.queue(context_.body);
  if (context_.plan.answer != Answer::none || is_http()) {
    in_flight_.push_back(intended);
    ++context_.outstanding;
  }
  ++context_.sent;
  if (now - intended > kLate) ++context_.late;
}

void Sender::refill() {
  if (!context_.sending) return;
  bool any = false;
  while (context_.left > 0 && in_flight_.size() < context_.plan.window && can_send()) {
    --context_.left;
    const auto now = now_ns();
    put(now, now);
    any = true;
  }
  if (any) flush();
}

void Sender::on_next(std::string_view message, std::int64_t now) {
  const auto& plan = context_.plan;
  if (plan.answer == Answer::same_event) return take_echo(message, now);
  if (plan.answer == Answer::text && message.find(plan.answer_text) != std::string_view::npos) {
    note_seq(message);
    return take_answer(now);
  }
  // Readers' events may come here too: only what is none of them can be a refusal.
  if (message.find("\"error\"") == std::string_view::npos || context_.scanner.find(message)) return;
  const auto code = text_of(message, "code");
  take_error(code.empty() ? "error" : code);
}

void Sender::on_answer(int status, std::string_view body, std::int64_t now) {
  if (status / 100 != 2) return take_error(fmt::format("http_{}", status));
  note_seq(body);
  take_answer(now);
}

void Sender::note_seq(std::string_view message) {
  if (context_.plan.options.mode != Mode::reconnect) return;
  const auto seq = number_of(message, "seq").value_or(0);
  if (seq > context_.block.last_seq.load(std::memory_order_relaxed))
    context_.block.last_seq.store(seq, std::memory_order_relaxed);
}

void Sender::take_answer(std::int64_t now) {
  if (in_flight_.empty()) return;
  const auto intended = pop();
  ++context_.answered;
  if (context_.plan.answer != Answer::none && !context_.plan.is(Mode::reconnect) &&
      intended >= context_.run.measure_from.load(std::memory_order_relaxed) &&
      intended < context_.run.measure_until.load(std::memory_order_relaxed))
    (context_.plan.is(Mode::fanout) ? context_.block.answer : context_.block.latency)
        .add(now - intended);
}

void Sender::take_error(std::string_view code) {
  context_.block.errors.add(code);
  if (!in_flight_.empty()) pop();
}

void Sender::take_echo(std::string_view message, std::int64_t now) {
  const auto event = context_.scanner.find(message);
  if (!event || event->publisher != publisher_) return;
  const auto before = echo_.last;
  if (!echo_.take(event->number, context_.echo_counts)) return;
  // What was skipped will not come any more.
  for (auto lost = before + 1; lost < event->number && !in_flight_.empty(); ++lost) pop();
  take_answer(now);
}

}  // namespace indaba::bench
