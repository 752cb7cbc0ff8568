#include "reader.hpp"

#include "text_scan.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace indaba::loadtool {

using namespace std::chrono_literals;

Reader::Reader(Poller& poller, const Target& target, std::string stream, Group& group,
               std::int64_t rate, int receive_buffer)
    : stream_(std::move(stream)),
      group_(group),
      rate_(rate),
      receive_buffer_(receive_buffer),
      connection_(poller, target, *this) {}

void Reader::start() {
  auto path = fmt::format("/ws/{}/?welcome=0", stream_);
  if (ever_subscribed_) path += fmt::format("&since={}&epoch={}", last_, epoch_);
  connection_.open(path, receive_buffer_);
}

void Reader::read_at(std::int64_t rate) {
  rate_ = rate;
  connection_.read_at(subscribed_ ? rate : Connection::kFull);
}

void Reader::tick(SteadyClock::time_point now) {
  if (!connection_.is_open() && now >= retry_at_) {
    ++group_.reconnects;
    start();
  }
  connection_.pace(now);
}

void Reader::on_text(std::string_view text) {
  const auto type = text_after(text, R"("type":")");
  if (type == "tick") return on_event(text);
  if (type == "reset") ++group_.resets;
  if (type != "subscribed" && type != "reset") return;
  epoch_ = text_after(text, R"("epoch":")");
  // A first subscription starts at the head; one after a reset goes on from there.
  if (!ever_subscribed_ || type == "reset") last_ = number_after(text, R"("head":)");
  subscribed_ = ever_subscribed_ = true;
  connection_.read_at(rate_);
}

void Reader::on_event(std::string_view text) {
  const auto seq = number_after(text, R"("seq":)");
  ++group_.deliveries;
  if (seq == last_ + 1) {
    last_ = seq;
  } else if (seq == last_) {
    ++group_.duplicates;
  } else if (seq < last_) {
    ++group_.out_of_order;
  } else {
    group_.missing += static_cast<std::uint64_t>(seq - last_ - 1);
    last_ = seq;
  }
  if (!group_.measuring) return;
  const auto sent = number_after(text, R"("t":)");
  if (sent <= 0) return;
  const auto took = SteadyClock::now().time_since_epoch() - std::chrono::nanoseconds(sent);
  group_.latency.add(took);
  group_.this_second.add(took);
}

void Reader::on_close(int code) {
  ++group_.closes[code];
  subscribed_ = false;
  retry_at_ = SteadyClock::now() + 200ms;
}

}  // namespace indaba::loadtool
