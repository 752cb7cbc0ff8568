#include "cluster/redis_bus.hpp"

#include "base/check.hpp"
#include "base/text.hpp"
#include "cluster/reconnect_delay.hpp"

#include <algorithm>
#include <array>

namespace indaba::cluster {

namespace {

constexpr Millis kRest{1000};                  // between hearing a word and saying the next
constexpr Millis kWordTimeout{2500};           // until it is back
constexpr Millis kStable{5000};                // after so long, a failure is the first one
constexpr std::size_t kInFlight = 1U << 20U;   // bytes that the connection holds, the rest waits
constexpr std::uint64_t kAskMemoryEvery = 10;  // words
constexpr std::size_t kChannelsACommand = 512;

std::string random_name(Random& random) {
  std::array<std::byte, 16> bytes{};
  random.fill(bytes);
  return text::to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

bool fits(std::string_view channel, std::string_view pattern) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return channel == pattern;
  return channel.size() + 1 >= pattern.size() && channel.starts_with(pattern.substr(0, star)) &&
         channel.ends_with(pattern.substr(star + 1));
}

}  // namespace

RedisBus::RedisBus(RedisTarget target, std::string prefix, const Clock& clock, Random& random,
                   Logger& log, std::vector<std::string> patterns)
    : target_(std::move(target)),
      prefix_(std::move(prefix)),
      patterns_(std::move(patterns)),
      random_(random),
      log_(log),
      own_channel_(on_wire("own:" + random_name(random))),
      thread_(clock),
      publisher_(thread_.loop(), target_, "indaba-bus", *this),
      subscriber_(thread_.loop(), target_, "indaba-bus-sub", *this),
      alarm_([this] { on_alarm(); }) {}

RedisBus::~RedisBus() {
  stop();
}

void RedisBus::start(BusListener& listener) {
  check(listener_ == nullptr, "a bus starts once");
  listener_ = &listener;
  thread_.start();
  thread_.loop().post([this] { connect(); });
}

void RedisBus::stop() {
  if (listener_ == nullptr) return;
  thread_.loop().post([this] {
    phase_ = Phase::stopped;
    alarm_.disarm();
    close();
  });
  thread_.stop();
  listener_ = nullptr;
}

std::string RedisBus::on_wire(std::string_view channel) const {
  return prefix_ + std::string(channel);
}

std::string_view RedisBus::off_wire(std::string_view wire_channel) const noexcept {
  return wire_channel.substr(std::min(prefix_.size(), wire_channel.size()));
}

RedisBus::Names RedisBus::wanted() const {
  const std::scoped_lock lock(mutex_);
  return wanted_;
}

void RedisBus::join(std::string_view channel) {
  {
    const std::scoped_lock lock(mutex_);
    if (!wanted_.emplace(channel).second) return;
  }
  thread_.loop().post([this, name = std::string(channel)] { subscribe({name}); });
}

void RedisBus::leave(std::string_view channel) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = wanted_.find(channel);
    if (found == wanted_.end()) return;
    wanted_.erase(found);
  }
  thread_.loop().post([this, name = std::string(channel)] {
    joined_.erase(name);
    subscriber_.command({"UNSUBSCRIBE", on_wire(name)});
  });
}

void RedisBus::publish(std::string_view channel, std::string payload) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    const auto size = channel.size() + payload.size();
    if (!open_ || payload.size() > kMaxPayload || waiting_.size() >= kMaxWaiting ||
        waiting_bytes_ + size > kMaxWaitingBytes) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    first = waiting_.empty();
    waiting_bytes_ += size;
    waiting_.push_back({std::string(channel), std::move(payload)});
  }
  if (first) thread_.loop().post([this] { drain(); });
}

BusStats RedisBus::stats() const {
  const auto ups = ups_.load(std::memory_order_relaxed);
  return {up_.load(std::memory_order_relaxed),
          sent_.load(std::memory_order_relaxed),
          received_.load(std::memory_order_relaxed),
          dropped_.load(std::memory_order_relaxed),
          ups > 0 ? ups - 1 : 0,
          memory_bytes_.load(std::memory_order_relaxed)};
}

// What the connection takes now; the rest when answers say that Redis has read of it.
void RedisBus::drain() {
  while (publisher_.ready() && publisher_.unsent() < kInFlight) {
    Waiting next;
    {
      const std::scoped_lock lock(mutex_);
      if (waiting_.empty()) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
      waiting_bytes_ -= next.channel.size() + next.payload.size();
    }
    publisher_.command({"PUBLISH", on_wire(next.channel), next.payload});
    sent_.fetch_add(1, std::memory_order_relaxed);
  }
}

void RedisBus::connect() {
  phase_ = Phase::connecting;
  publisher_.start();
  subscriber_.start();
}

void RedisBus::on_session_ready(RedisSession&) {
  if (publisher_.ready() && subscriber_.ready()) begin();
}

void RedisBus::begin() {
  subscribe(wanted());
  send_with_names("PSUBSCRIBE", patterns_);
  subscriber_.command({"SUBSCRIBE", own_channel_});  // the last: what was wanted is joined before
  phase_ = Phase::awaiting_word;
  thread_.loop().arm(alarm_, kWordTimeout);
}

void RedisBus::subscribe(const Names& channels) {
  if (!subscriber_.ready()) return;  // all are, once it is
  const std::vector<std::string> names(channels.begin(), channels.end());
  for (std::size_t i = 0; i < names.size(); i += kChannelsACommand)
    send_with_names("SUBSCRIBE",
                    std::span(names).subspan(i, std::min(kChannelsACommand, names.size() - i)));
}

void RedisBus::send_with_names(std::string_view command, std::span<const std::string> channels) {
  if (channels.empty()) return;
  std::vector<std::string> names;
  for (const auto& channel : channels) names.push_back(on_wire(channel));
  std::vector<std::string_view> words{command};
  words.insert(words.end(), names.begin(), names.end());
  subscriber_.command(std::span(words));
}

void RedisBus::say_to_myself() {
  phase_ = Phase::awaiting_word;
  // A master that a Sentinel has replaced goes on answering.
  if (target_.by_sentinel()) publisher_.command({"ROLE"});
  publisher_.command({"PUBLISH", own_channel_, std::to_string(++word_)});
  if (word_ % kAskMemoryEvery == 1) publisher_.command({"INFO", "memory"});
  thread_.loop().arm(alarm_, kWordTimeout);
}

void RedisBus::heard_myself(std::string_view word) {
  if (phase_ != Phase::awaiting_word || word != std::to_string(word_)) return;
  phase_ = Phase::resting;
  thread_.loop().arm(alarm_, kRest);
  if (up_.load(std::memory_order_relaxed)) return;
  up_since_ = thread_.loop().now();
  told_.clear();
  {
    const std::scoped_lock lock(mutex_);
    open_ = true;
  }
  up_ = true;
  ups_.fetch_add(1, std::memory_order_relaxed);
  log_.info("bus", "Redis carries messages", {{"redis", target_.shown()}});
  listener_->on_up();
}

void RedisBus::on_alarm() {
  switch (phase_) {
    case Phase::waiting:
      return connect();
    case Phase::resting:
      return say_to_myself();
    case Phase::awaiting_word:
      return fail("what is published does not come back in time");
    case Phase::connecting:
    case Phase::stopped:
      return;
  }
}

void RedisBus::on_session_lost(RedisSession&, const std::string& why) {
  fail(why);
}

void RedisBus::fail(const std::string& why) {
  const bool was_up = up_;
  if (was_up && thread_.loop().now() - up_since_ >= kStable) failures_ = 0;
  phase_ = Phase::waiting;
  const auto delay = next_delay();
  thread_.loop().arm(alarm_, delay);
  if (told_ != why) {
    told_ = why;
    log_.warn("bus", "Redis carries no messages", {{"redis", target_.shown()}, {"reason", why}});
  }
  close();
}

void RedisBus::close() {
  publisher_.close();
  subscriber_.close();
  joined_.clear();
  {
    const std::scoped_lock lock(mutex_);
    open_ = false;
    dropped_.fetch_add(waiting_.size(), std::memory_order_relaxed);
    waiting_.clear();
    waiting_bytes_ = 0;
  }
  if (up_.exchange(false)) listener_->on_down();
}

Millis RedisBus::next_delay() {
  return reconnect_delay(failures_++, random_);
}

void RedisBus::on_session_reply(RedisSession& session, const RedisReply& reply) {
  // Who may publish need not be allowed to ask for figures.
  const bool figures = &session == &publisher_ && reply.error_code() == "NOPERM" &&
                       reply.text().find("info") != std::string_view::npos;
  if (reply.is_error() && !figures) return fail(reply.error());
  if (&session == &subscriber_)
    on_subscriber_reply(reply);
  else
    on_publisher_reply(reply);
}

void RedisBus::on_publisher_reply(const RedisReply& reply) {
  if (reply.size() > 0 && reply[0].text() != "master")
    return fail("Redis is not the master any more");
  constexpr std::string_view kMemory = "used_memory:";
  if (const auto at = reply.text().find(kMemory); at != std::string_view::npos) {
    const auto digits = reply.text().substr(at + kMemory.size());
    memory_bytes_ = static_cast<std::uint64_t>(
        text::parse_int64(digits.substr(0, digits.find_first_not_of("0123456789"))).value_or(0));
  }
  drain();
}

void RedisBus::on_subscriber_reply(const RedisReply& reply) {
  const auto kind = reply[0].text();
  if (kind == "message")
    on_message(reply[1].text(), reply[2].text());
  else if (kind == "pmessage")
    on_pattern_message(reply[1].text(), reply[2].text(), reply[3].text());
  else if (kind == "subscribe")
    on_joined(reply[1].text());
}

void RedisBus::on_message(std::string_view wire_channel, std::string_view payload) {
  if (wire_channel == own_channel_) return heard_myself(payload);
  const auto channel = off_wire(wire_channel);
  if (joined_.contains(channel)) deliver(channel, payload);
}

void RedisBus::on_pattern_message(std::string_view wire_pattern, std::string_view wire_channel,
                                  std::string_view payload) {
  const auto channel = off_wire(wire_channel);
  if (wire_channel == own_channel_ || joined_.contains(channel)) return;  // heard as such
  // Redis says it once for each pattern that fits: the first one counts.
  const auto first = std::ranges::find_if(
      patterns_, [&](const std::string& pattern) { return fits(channel, pattern); });
  if (first != patterns_.end() && *first == off_wire(wire_pattern)) deliver(channel, payload);
}

void RedisBus::deliver(std::string_view channel, std::string_view payload) {
  if (payload.size() > kMaxPayload) return;
  received_.fetch_add(1, std::memory_order_relaxed);
  listener_->on_message(channel, payload);
}

void RedisBus::on_joined(std::string_view wire_channel) {
  // Not sooner: the two connections know no order.
  if (wire_channel == own_channel_) return say_to_myself();
  const auto channel = off_wire(wire_channel);
  {
    const std::scoped_lock lock(mutex_);
    if (!wanted_.contains(channel)) return;  // left meanwhile
  }
  joined_.emplace(channel);
  listener_->on_joined(channel);
}

}  // namespace indaba::cluster
