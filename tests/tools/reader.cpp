#include "reader.hpp"

#include "bench/text_scan.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace indaba::loadtool {

namespace {

constexpr std::int64_t kRetryAfter = 200'000'000;

}  // namespace

Reader::Reader(bench::Wire& wire, std::string stream, Group& group, std::int64_t rate)
    : stream_(std::move(stream)), group_(group), rate_(rate), connection_(wire, *this) {}

void Reader::start() {
  auto path = fmt::format("/ws/{}/?welcome=0", stream_);
  if (ever_subscribed_) path += fmt::format("&since={}&epoch={}", order_.last, epoch_);
  connection_.open(path, 0);
}

void Reader::read_at(std::int64_t rate) {
  rate_ = rate;
  obey_rate();
}

void Reader::obey_rate() {
  if (!subscribed_) return;
  paced_at_ = bench::now_ns();
  allowance_ = 0;
  if (rate_ == kFull)
    connection_.release();
  else
    connection_.hold();
}

void Reader::tick(std::int64_t now) {
  if (connection_.is_closed()) {
    if (now < retry_at_) return;
    ++group_.reconnects;
    return start();
  }
  if (!subscribed_ || rate_ <= 0) return;
  const auto rate = static_cast<double>(rate_);
  allowance_ = std::min(rate, allowance_ + rate * static_cast<double>(now - paced_at_) / 1e9);
  paced_at_ = now;
  if (allowance_ >= 1)
    allowance_ -= static_cast<double>(connection_.read_up_to(static_cast<std::size_t>(allowance_)));
}

void Reader::on_message(std::string_view text, std::int64_t now) {
  const auto type = bench::text_of(text, "type");
  if (type == "tick") return on_event(text, now);
  if (type == "reset") ++group_.resets;
  if (type != "subscribed" && type != "reset") return;
  epoch_ = bench::text_of(text, "epoch");
  // A first subscription starts at the head; one after a reset goes on from there.
  if (!ever_subscribed_ || type == "reset")
    order_.last = bench::number_of(text, "head").value_or(0);
  subscribed_ = ever_subscribed_ = true;
  obey_rate();
}

void Reader::on_event(std::string_view text, std::int64_t now) {
  ++group_.deliveries;
  order_.take(bench::number_of(text, "seq").value_or(0), group_.order);
  if (!group_.measuring) return;
  const auto sent = bench::number_of(text, "t");
  if (!sent) return;
  group_.latency->add(now - *sent);
  group_.this_second->add(now - *sent);
}

void Reader::on_closed(std::string_view why) {
  ++group_.closes[std::string(why)];
  subscribed_ = false;
  retry_at_ = bench::now_ns() + kRetryAfter;
}

}  // namespace indaba::loadtool
