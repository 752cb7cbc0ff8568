#include "cluster/redis_client.hpp"

#include "cluster/reconnect_delay.hpp"

#include <algorithm>

namespace indaba::cluster {

namespace {

constexpr Millis kAnswerTimeout{5000};
constexpr Millis kLookAtConnection{1000};

}  // namespace

RedisClient::RedisClient(net::Loop& loop, const RedisTarget& target, std::string name,
                         Random& random, Logger& log)
    : loop_(loop),
      target_(target),
      name_(std::move(name)),
      random_(random),
      log_(log),
      session_(loop, target_, name_, *this),
      alarm_([this] { on_alarm(); }) {}

void RedisClient::start(std::function<void()> on_ready) {
  stopped_ = false;
  on_ready_ = std::move(on_ready);
  session_.start();
}

void RedisClient::stop() {
  stopped_ = true;
  alarm_.disarm();
  session_.close();
  lose_waiting();
}

void RedisClient::call(std::span<const std::string_view> words, Answered answered) {
  if (!ready()) return answered(nullptr);
  waiting_.push_back({std::move(answered), loop_.now()});
  session_.command(words);
}

void RedisClient::on_session_ready(RedisSession&) {
  failures_ = 0;
  told_.clear();
  log_.info("redis", "connected to Redis", {{"client", name_}, {"redis", target_.shown()}});
  loop_.arm(alarm_, kLookAtConnection);
  on_ready_();
}

void RedisClient::on_session_reply(RedisSession&, const RedisReply& reply) {
  if (waiting_.empty()) return;
  auto answered = std::move(waiting_.front().answered);
  waiting_.pop_front();
  answered(&reply);
}

void RedisClient::on_session_lost(RedisSession&, const std::string& why) {
  if (told_ != why) {
    told_ = why;
    log_.warn("redis", "no connection to Redis",
              {{"client", name_}, {"redis", target_.shown()}, {"reason", why}});
  }
  retry_later();
  lose_waiting();
}

void RedisClient::lose_waiting() {
  auto lost = std::exchange(waiting_, {});
  for (auto& waiting : lost) waiting.answered(nullptr);
}

void RedisClient::retry_later() {
  loop_.arm(alarm_, reconnect_delay(failures_++, random_));
}

void RedisClient::on_alarm() {
  if (stopped_) return;
  if (!ready()) return session_.start();
  loop_.arm(alarm_, kLookAtConnection);
  if (waiting_.empty() || loop_.now() - waiting_.front().since < kAnswerTimeout) return;
  session_.close();
  on_session_lost(session_, "no answer in time");
}

}  // namespace indaba::cluster
