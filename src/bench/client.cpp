#include "bench/client.hpp"

#include <algorithm>

namespace indaba::bench {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kExpireEvery = kSecond / 4;

}  // namespace

void Client::open(Opening* opening, std::int64_t since) {
  opening_ = opening;
  opened_at_ = since;
  connection_.open(target(), source_);
}

void Client::expire(std::int64_t deadline) {
  if (opening_ == nullptr || opened_at_ > deadline) return;
  connection_.drop();
  on_closed("timeout");
}

void Client::cut() {
  connection_.drop();
  ready_ = false;
}

void Client::settle() {
  if (opening_ != nullptr) std::exchange(opening_, nullptr)->settled();
}

void Client::on_open() {
  for (const auto& text : role_.sends) connection_.queue(text);
  if (!role_.sends.empty()) connection_.flush();
  if (role_.await.empty() && !connection_.is_closed()) become_ready({}, now_ns());
}

void Client::become_ready(std::string_view message, std::int64_t now) {
  ready_ = true;
  if (opening_ != nullptr) {
    block_.connect.add(now - opened_at_);
    block_.ready.add(1);
    block_.last_ready.store(now, std::memory_order_relaxed);
  }
  settle();
  on_ready(message);
}

void Client::on_message(std::string_view text, std::int64_t now) {
  if (ready_) return on_next(text, now);
  if (text.find(role_.await) != std::string_view::npos) become_ready(text, now);
}

void Client::on_closed(std::string_view why) {
  const bool was_ready = std::exchange(ready_, false);
  if (was_ready && may_end()) return;
  block_.errors.add(why);
  if (was_ready) {
    block_.lost.add(1);
    on_lost();
  } else if (opening_ != nullptr) {
    block_.failed.add(1);
    settle();
  }
}

void Opening::start(std::int64_t now) {
  began_ = now;
  next_ = 0;
}

std::int64_t Opening::turn(std::int64_t now) {
  if (began_ == INT64_MAX) return INT64_MAX;
  if (under_way_ > 0 && now >= expire_at_) {
    expire_at_ = now + kExpireEvery;
    const auto deadline = now - static_cast<std::int64_t>(timeout_ * 1e9);
    for (auto* client : std::span(clients_).first(next_)) client->expire(deadline);
  }
  while (next_ < clients_.size() && under_way_ < parallel_) {
    auto due = now;
    if (rate_ > 0)
      due = began_ + static_cast<std::int64_t>(static_cast<double>(next_) / rate_ * 1e9);
    if (due > now) return due;
    ++under_way_;
    clients_[next_++]->open(this, due);
  }
  return under_way_ > 0 ? now + kExpireEvery : INT64_MAX;
}

}  // namespace indaba::bench
