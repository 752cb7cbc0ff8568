#include "cluster/channels_core.hpp"

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "cluster/channels_wire.hpp"

#include <fmt/format.h>

namespace indaba::cluster {

namespace {

constexpr Millis kLookAtGroups{2000};
constexpr std::chrono::minutes kRejoin{10};
constexpr std::string_view kGroupExpiry = "86400";  // channels_redis': a day, in seconds
constexpr std::string_view kInboxWait = "2";        // seconds at the inbox
constexpr std::string_view kTakeBatch = "200";
constexpr std::size_t kJoinedAtOnce = 250;  // groups, by two commands each
constexpr std::size_t kMostInHand = 5000;
constexpr std::size_t kMostBytesInHand = std::size_t{8} << 20U;

// What stands in the backup goes back into the inbox: whoever took it did not finish.
constexpr std::string_view kRestore = R"(
local backed_up = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for i = #backed_up, 1, -2 do
  redis.call('ZADD', KEYS[1], backed_up[i], backed_up[i - 1])
end
redis.call('DEL', KEYS[2])
return #backed_up / 2)";

// The oldest messages move from the inbox into the backup, and are returned.
constexpr std::string_view kTake = R"(
local taken = redis.call('ZPOPMIN', KEYS[1], ARGV[1])
local members = {}
for i = 1, #taken, 2 do
  redis.call('ZADD', KEYS[2], taken[i + 1], taken[i])
  members[#members + 1] = taken[i]
end
return members)";

// Our channels' names are to stay below 64 bytes (Redis' zset-max-listpack-value): a group of
// longer ones takes five times the memory.
constexpr std::size_t kHashDigits = 24;

std::string short_hash(std::string_view secret, std::string_view what) {
  return text::to_hex(crypto::derive_key(secret, what)).substr(0, kHashDigits);
}

}  // namespace

CoreLayer::CoreLayer(net::Loop& loop, const RedisTarget& target, CoreLayerOptions options,
                     const Clock& clock, Random& random, Logger& log)
    : options_(std::move(options)),
      clock_(clock),
      random_(random),
      log_(log),
      loop_(loop),
      receiver_(loop, target, "indaba-bridge-inbox", random, log),
      sender_(loop, target, "indaba-bridge", random, log),
      alarm_([this] { look_for_loss(); }),
      own_("specific." + short_hash(options_.secret, "channel layer inbox") + "!"),
      inbox_(channels::inbox_key(options_.prefix, own_)),
      backup_(inbox_ + "$inflight"),
      marker_(inbox_ + "$joined") {}

void CoreLayer::start(ChannelLayerListener& listener) {
  listener_ = &listener;
  sender_.start([this] { on_sender_ready(); });
  receiver_.start([this] { on_receiver_ready(); });
  loop_.arm(alarm_, kLookAtGroups);
}

void CoreLayer::stop() {
  receiving_ = false;
  alarm_.disarm();
  receiver_.stop();
  sender_.stop();
  up_ = false;
}

ChannelLayerStats CoreLayer::stats() const {
  return {up_.load(), sent_.load(), received_.load(), dropped_.load(), followed_.load()};
}

// Our channel in a group is own_ and this.
std::string CoreLayer::name_in(std::string_view group) const {
  return short_hash(options_.secret, fmt::format("channel layer group {}", group));
}

std::size_t CoreLayer::follow(std::span<const std::string> groups) {
  std::size_t left_out = 0;
  std::vector<const std::string*> fresh;
  for (const auto& group : groups) {
    if (!channels::is_group_name(group) || groups_.contains(group)) continue;
    if (groups_.size() >= options_.most_groups) {
      ++left_out;
      continue;
    }
    const auto& name = *groups_.insert(group).first;
    group_of_.emplace(name_in(name), &name);
    fresh.push_back(&name);
  }
  followed_ = groups_.size();
  if (!receiving_) return left_out;
  to_join_.insert(to_join_.begin(), fresh.begin(), fresh.end());
  join_some();
  return left_out;
}

void CoreLayer::set_receiving(bool receiving) {
  if (receiving_ == receiving) return;
  receiving_ = receiving;
  if (!receiving_) {  // the next one takes them again
    in_hand_.clear();
    in_hand_bytes_ = 0;
    to_join_.clear();
    return;
  }
  join_all();
  begin_receiving();
}

void CoreLayer::on_sender_ready() {
  up_ = true;
  if (receiving_) join_all();
}

void CoreLayer::on_receiver_ready() {
  waiting_ = false;
  begin_receiving();
}

// The marker goes first: where Redis forgets everything half-way, it is missed all the same.
void CoreLayer::join_all() {
  joined_at_ = loop_.now();
  sender_.call({"SET", marker_, "1", "EX", kGroupExpiry}, [](const RedisReply*) {});
  to_join_.clear();
  for (const auto& group : groups_) to_join_.push_back(&group);
  join_some();
}

void CoreLayer::join_some() {
  if (joining_ || to_join_.empty() || !sender_.ready()) return;
  joining_ = true;
  const auto now = fmt::format("{:.3f}", static_cast<double>(to_millis(clock_.wall())) / 1000.0);
  for (std::size_t i = 0; i < kJoinedAtOnce && !to_join_.empty(); ++i) {
    const auto& group = *to_join_.front();
    to_join_.pop_front();
    const bool last = i + 1 == kJoinedAtOnce || to_join_.empty();
    const auto key = channels::group_key(options_.prefix, group);
    sender_.call({"ZADD", key, now, own_ + name_in(group)}, [](const RedisReply*) {});
    sender_.call({"EXPIRE", key, kGroupExpiry}, [this, last](const RedisReply*) {
      if (!last) return;
      joining_ = false;
      join_some();  // where the connection broke: all of them when there is another one
    });
  }
}

// A Redis that was flushed has forgotten who is in which group.
void CoreLayer::look_for_loss() {
  loop_.arm(alarm_, kLookAtGroups);
  up_ = sender_.ready();
  if (!receiving_ || !sender_.ready()) return;
  if (loop_.now() - joined_at_ >= kRejoin) return join_all();
  sender_.call({"EXISTS", marker_}, [this](const RedisReply* reply) {
    if (reply != nullptr && !reply->is_error() && reply->integer() == 0 && receiving_) join_all();
  });
}

void CoreLayer::begin_receiving() {
  if (!receiving_ || waiting_ || !receiver_.ready()) return;
  waiting_ = true;
  receiver_.call({"EVAL", kRestore, "2", inbox_, backup_}, [this](const RedisReply* reply) {
    waiting_ = false;
    if (reply != nullptr) take_more();  // what is in hand is passed over
  });
}

// At the inbox, for a while; then all that is there.
void CoreLayer::wait_for_message() {
  if (!receiving_ || waiting_ || !receiver_.ready()) return;
  waiting_ = true;
  receiver_.call({"BZPOPMIN", inbox_, kInboxWait}, [this](const RedisReply* reply) {
    waiting_ = false;
    if (reply == nullptr) return;
    if (reply->size() == 3) {
      const auto member = (*reply)[1].text();
      if (!receiving_)  // it is for the one who does now
        return receiver_.call({"ZADD", inbox_, (*reply)[2].text(), member},
                              [](const RedisReply*) {});
      // What is in the backup is not lost where this process ends now.
      receiver_.call({"ZADD", backup_, (*reply)[2].text(), member}, [](const RedisReply*) {});
      take(member);
    }
    take_more();
  });
}

void CoreLayer::take_more() {
  if (!receiving_ || waiting_ || !receiver_.ready()) return;
  // Not more than can be dealt with: Django's own bound holds back the rest.
  if (in_hand_.size() >= kMostInHand || in_hand_bytes_ >= kMostBytesInHand)
    return loop_.run_after(Millis(16), [this] { take_more(); });
  waiting_ = true;
  receiver_.call(
      {"EVAL", kTake, "2", inbox_, backup_, kTakeBatch}, [this](const RedisReply* reply) {
        waiting_ = false;
        if (reply == nullptr) return;
        if (!receiving_ && reply->size() > 0)
          return receiver_.call({"EVAL", kRestore, "2", inbox_, backup_}, [](const RedisReply*) {});
        for (std::size_t i = 0; i < reply->size(); ++i) take((*reply)[i].text());
        if (reply->size() > 0)
          take_more();
        else
          wait_for_message();
      });
}

void CoreLayer::take(std::string_view member) {
  std::string own(member);
  if (!receiving_ || in_hand_.contains(own)) return;
  received_.fetch_add(1, std::memory_order_relaxed);
  auto unpacked = channels::unpack(member.substr(std::min(channels::kRandomPrefix, member.size())));
  if (!unpacked) {
    forget(own);
    return listener_->on_unreadable(unpacked.error().detail);
  }
  // A message to a group names our one channel in it.
  for (const auto& channel : unpacked->channels) {
    if (!channel.starts_with(own_)) continue;
    const auto group = group_of_.find(channel.substr(own_.size()));
    if (group == group_of_.end()) continue;
    in_hand_.insert(own);
    in_hand_bytes_ += own.size();
    const auto id = text::to_hex(member.substr(0, channels::kRandomPrefix));
    return listener_->on_group_message({.group = *group->second,
                                        .type = std::move(unpacked->type),
                                        .members = std::move(unpacked->members),
                                        .bytes = member.size(),
                                        .id = id,
                                        .done = [this, own] { forget(own); }});
  }
  forget(own);
  listener_->on_unreadable("The message is for no group that is followed.");
}

void CoreLayer::forget(const std::string& member) {
  if (in_hand_.erase(member) > 0) in_hand_bytes_ -= member.size();
  sender_.call({"ZREM", backup_, member}, [](const RedisReply*) {});
}

}  // namespace indaba::cluster
