#include "scenario.hpp"

#include "bench/proc_figures.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <random>
#include <stdexcept>
#include <utility>

namespace indaba::loadtool {

namespace {

constexpr std::int64_t kMilli = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kTurn = 50 * kMilli;

double seconds_since(std::int64_t began) {
  return static_cast<double>(bench::now_ns() - began) / 1e9;
}

}  // namespace

Scenario::Scenario(Options options) : options_(std::move(options)) {
  for (const auto& wanted : options_.groups) {
    auto& group = groups_.emplace_back();
    group.name = wanted.name;
    group.readers = wanted.readers;
    endpoints_.push_back(endpoint(bench::Protocol::websocket, wanted.receive_buffer));
    auto& wire = wires_.emplace_back(poller_, buffer_, endpoints_.back(), options_.seed);
    for (std::uint64_t i = 0; i < wanted.readers; ++i) {
      readers_.push_back(
          std::make_unique<Reader>(wire, options_.publishing.stream, group, wanted.rate));
      group_of_.push_back(groups_.size() - 1);
    }
  }
}

bench::Endpoint Scenario::endpoint(bench::Protocol protocol, int receive_buffer) const {
  const bool by_http = protocol == bench::Protocol::http_post;
  auto url = bench::parse_url(by_http ? fmt::format("http://127.0.0.1:{}/api/v1/{}/events",
                                                    options_.port, options_.publishing.stream)
                                      : fmt::format("ws://127.0.0.1:{}/ws", options_.port));
  auto made = bench::Endpoint::make(protocol, std::move(url).value(), {}, options_.token, false);
  made->receive_buffer = receive_buffer;
  return std::move(made).value();
}

double Scenario::cpu_seconds() const {
  if (options_.server_pid == 0) return 0;
  return bench::read_processes({options_.server_pid}).value().cpu_seconds;
}

std::uint64_t Scenario::rss_bytes() const {
  if (options_.server_pid == 0) return 0;
  return bench::resident_bytes(options_.server_pid);
}

void Scenario::wait(std::int64_t nanoseconds) {
  poller_.wait(std::chrono::nanoseconds(nanoseconds), [] {});
}

// A few at a time: a burst longer than the accept queue would measure SYN retries.
void Scenario::connect() {
  constexpr std::size_t kAtOnce = 64;
  const auto began = bench::now_ns();
  std::size_t started = 0;
  std::size_t subscribed = 0;
  while (subscribed < readers_.size()) {
    subscribed = static_cast<std::size_t>(std::ranges::count_if(
        readers_, [](const auto& reader) { return reader->is_subscribed(); }));
    while (started < readers_.size() && started - subscribed < kAtOnce)
      readers_[started++]->start();
    wait(10 * kMilli);
    if (seconds_since(began) > 60)
      throw std::runtime_error(
          fmt::format("only {} of {} readers are subscribed", subscribed, readers_.size()));
  }
  endpoints_.push_back(
      endpoint(options_.by_http ? bench::Protocol::http_post : bench::Protocol::websocket, 0));
  auto& wire = wires_.emplace_back(poller_, buffer_, endpoints_.back(), ~options_.seed);
  for (std::uint64_t i = 0; i < options_.publishers; ++i)
    publishers_.push_back(std::make_unique<Publisher>(wire, options_.publishing, published_));
  while (std::ranges::any_of(publishers_,
                             [](const auto& publisher) { return !publisher->is_ready(); })) {
    wait(10 * kMilli);
    if (seconds_since(began) > 60) throw std::runtime_error("a publisher got no welcome");
  }
}

// Everyone's turn comes once in kTurn, a few at a time: hundreds of slow readers that read in one
// burst would be a latency of our own making.
void Scenario::take_turns(std::int64_t now) {
  const auto share =
      std::min(1.0, static_cast<double>(now - turned_at_) / static_cast<double>(kTurn));
  if (readers_.empty() || share <= 0) return;
  turned_at_ = now;
  due_turns_ += share * static_cast<double>(readers_.size());
  for (; due_turns_ >= 1; due_turns_ -= 1) {
    readers_[next_turn_]->tick(now);
    next_turn_ = (next_turn_ + 1) % readers_.size();
    if (next_turn_ == 0 && options_.server_pid > 0) rss_peak_ = std::max(rss_peak_, rss_bytes());
  }
}

void Scenario::publish(double seconds) {
  std::mt19937_64 random(options_.seed);
  const auto began = bench::now_ns();
  auto next_second = began + kSecond;
  double pulls = 0;
  std::uint64_t sent = 0;
  while (seconds_since(began) < seconds) {
    const auto due = options_.rate > 0
                         ? static_cast<std::uint64_t>(options_.rate * seconds_since(began))
                         : UINT64_MAX;
    for (auto& publisher : publishers_)
      if (due > sent) sent += publisher->publish(std::min<std::uint64_t>(due - sent, 1000));
    wait(kMilli);
    const auto now = bench::now_ns();
    if (now >= next_second) {
      next_second += kSecond;
      for (auto& group : groups_)
        if (group.measuring) {
          group.p99_by_second.push_back(milliseconds_at(*group.this_second, 0.99));
          group.this_second->clear();
        }
    }
    take_turns(now);
    for (; pulls < options_.reconnects_per_second * seconds_since(began); pulls += 1)
      readers_[random() % readers_.size()]->pull_cable();
  }
}

void Scenario::catch_up() {
  for (auto& reader : readers_) reader->read_at(Reader::kFull);
  const auto began = bench::now_ns();
  const auto waiting = [this] {
    return std::ranges::any_of(publishers_, [](const auto& p) { return p->outstanding() > 0; }) ||
           std::ranges::any_of(readers_,
                               [this](const auto& r) { return r->last() < published_.head; });
  };
  while (waiting() && seconds_since(began) < options_.finish_seconds) {
    wait(10 * kMilli);
    take_turns(bench::now_ns());
  }
  for (std::size_t i = 0; i < readers_.size(); ++i)
    if (readers_[i]->last() == published_.head) ++groups_[group_of_[i]].complete;
}

std::uint64_t Scenario::deliveries() const {
  std::uint64_t sum = 0;
  for (const auto& group : groups_) sum += group.deliveries;
  return sum;
}

boost::json::object Scenario::run() {
  const auto rss_empty = rss_bytes();
  connect();
  if (options_.warm_up_seconds > 0) publish(options_.warm_up_seconds);
  const auto rss_connected = rss_bytes();
  for (auto& group : groups_) group.measuring = true;
  const auto acked = published_.acked;
  const auto before = deliveries();
  const auto cpu = cpu_seconds();
  const auto began = bench::now_ns();
  publish(options_.seconds);
  const auto took = seconds_since(began);
  const auto cpu_used = cpu_seconds() - cpu;
  const auto delivered = deliveries() - before;
  const auto acked_measured = published_.acked - acked;
  const auto rss_loaded = rss_bytes();
  const auto rss_peak_publishing = rss_peak_;
  for (auto& group : groups_) {
    group.measuring = false;
    group.closes_while_publishing = group.closes;
  }
  catch_up();

  boost::json::object groups;
  for (const auto& group : groups_) groups[group.name] = describe(group);
  boost::json::object errors;
  for (const auto& [code, count] : published_.error_codes) errors[code] = count;
  boost::json::object out{{"seconds", took},
                          {"sent", published_.sent},
                          {"acked", published_.acked},
                          {"errors", errors},
                          {"head", published_.head},
                          {"events_per_second", static_cast<double>(acked_measured) / took},
                          {"deliveries", delivered},
                          {"deliveries_per_second", static_cast<double>(delivered) / took},
                          {"groups", groups}};
  if (options_.server_pid > 0) {
    out["server_cpu_seconds"] = cpu_used;
    out["server_cpu_us_per_delivery"] =
        delivered == 0 ? 0 : cpu_used * 1e6 / static_cast<double>(delivered);
    out["server_rss_empty"] = rss_empty;
    out["server_rss_connected"] = rss_connected;
    out["server_rss_loaded"] = rss_loaded;
    out["server_rss_peak_publishing"] = rss_peak_publishing;
    out["server_rss_peak"] = rss_peak_;  // catching up at full speed included
  }
  return out;
}

}  // namespace indaba::loadtool
