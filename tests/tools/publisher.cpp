#include "publisher.hpp"

#include "bench/text_scan.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <stdexcept>

namespace indaba::loadtool {

namespace {

// {"t":…,"p":"xxxx"}
std::string tick_data(std::size_t payload_bytes) {
  return fmt::format(R"({{"t":{},"p":"{:x<{}}"}})", bench::now_ns(), "", payload_bytes);
}

}  // namespace

Publisher::Publisher(bench::Wire& wire, const PublisherOptions& options, Published& published)
    : options_(options),
      published_(published),
      by_http_(wire.endpoint.protocol == bench::Protocol::http_post),
      connection_(wire, *this) {
  connection_.open("/ws", 0);
}

void Publisher::on_open() {
  ready_ = by_http_;  // a socket is greeted first
}

std::uint64_t Publisher::publish(std::uint64_t budget) {
  if (!ready_ || budget == 0) return 0;
  const auto count = by_http_ ? publish_request(budget) : publish_frames(budget);
  connection_.flush();
  outstanding_ += count;
  published_.sent += count;
  return count;
}

std::uint64_t Publisher::publish_frames(std::uint64_t budget) {
  if (outstanding_ >= options_.window) return 0;
  const auto count = std::min<std::uint64_t>(budget, options_.window - outstanding_);
  for (std::uint64_t i = 0; i < count; ++i)
    connection_.queue(fmt::format(R"({{"type":"publish","stream":"{}","event":"tick","data":{}}})",
                                  options_.stream, tick_data(options_.payload_bytes)));
  return count;
}

// One request at a time, with a batch of events in it.
std::uint64_t Publisher::publish_request(std::uint64_t budget) {
  if (outstanding_ > 0) return 0;
  const auto count = std::min<std::uint64_t>(budget, options_.batch);
  std::string body = "[";
  for (std::uint64_t i = 0; i < count; ++i)
    body += fmt::format(R"({}{{"type":"tick","data":{}}})", i == 0 ? "" : ",",
                        tick_data(options_.payload_bytes));
  connection_.queue(body + ']');
  return count;
}

void Publisher::on_message(std::string_view text, std::int64_t) {
  const auto type = bench::text_of(text, "type");
  if (type == "welcome") ready_ = true;
  if (type == "error") count_error(std::string(bench::text_of(text, "code")), 1);
  if (type != "published") return;
  --outstanding_;
  ++published_.acked;
  published_.head = std::max(published_.head, bench::number_of(text, "seq").value_or(0));
}

void Publisher::on_answer(int status, std::string_view body, std::int64_t) {
  if (status / 100 != 2) return count_error(std::to_string(status), outstanding_);
  published_.acked += outstanding_;
  outstanding_ = 0;
  const auto last = body.rfind(R"("seq":)");
  if (last != std::string_view::npos)
    published_.head =
        std::max(published_.head, bench::number_of(body.substr(last), "seq").value_or(0));
}

void Publisher::count_error(const std::string& code, std::uint64_t events) {
  outstanding_ -= events;
  published_.errors += events;
  published_.error_codes[code] += events;
}

void Publisher::on_closed(std::string_view why) {
  throw std::runtime_error(fmt::format("the publisher's connection ended: {}", why));
}

}  // namespace indaba::loadtool
