// CoreLayer's other half: a message to a group, step by step as channels_redis' group_send does it.
#include "base/msgpack.hpp"
#include "cluster/channels_core.hpp"
#include "cluster/channels_wire.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <fmt/format.h>

namespace indaba::cluster {

namespace {

constexpr std::int64_t kGroupExpirySeconds = 86'400;
constexpr std::size_t kMostWaiting = 10'000;  // commands without an answer
constexpr Millis kTellDropsAgain{60'000};

// channels_redis' own script.
constexpr std::string_view kGroupSend = R"(
local over_capacity = 0
local current_time = ARGV[#ARGV - 1]
local expiry = ARGV[#ARGV]
for i=1,#KEYS do
    if redis.call('ZCOUNT', KEYS[i], '-inf', '+inf') < tonumber(ARGV[i + #KEYS]) then
        redis.call('ZADD', KEYS[i], current_time, ARGV[i])
        redis.call('EXPIRE', KEYS[i], expiry)
    else
        over_capacity = over_capacity + 1
    end
end
return over_capacity)";

}  // namespace

void CoreLayer::group_send(const std::string& group, const boost::json::object& message) {
  if (!sender_.ready()) return drop("Redis cannot be reached");
  if (sender_.waiting() > kMostWaiting) return drop("Redis does not keep up");
  const auto key = channels::group_key(options_.prefix, group);
  const auto oldest = std::to_string(to_millis(clock_.wall()) / 1000 - kGroupExpirySeconds);
  sender_.call({"ZREMRANGEBYSCORE", key, "0", oldest}, [](const RedisReply*) {});
  sender_.call({"ZRANGE", key, "0", "-1"}, [this, group, message](const RedisReply* reply) {
    if (reply == nullptr) return drop("the connection to Redis broke");
    if (reply->is_error()) return drop(reply->error());
    Inboxes inboxes;
    for (std::size_t i = 0; i < reply->size(); ++i) {
      const std::string channel((*reply)[i].text());
      if (channel.starts_with(own_)) continue;  // what we say to Django is not for us
      inboxes[channels::inbox_key(options_.prefix, channel)].push_back(channel);
    }
    send_to(group, inboxes, message);
  });
}

void CoreLayer::drop(std::string_view why) {
  dropped_.fetch_add(1, std::memory_order_relaxed);
  if (told_dropped_at_ != MonoTime{} && loop_.now() - told_dropped_at_ < kTellDropsAgain) return;
  told_dropped_at_ = loop_.now();
  log_.warn("bridge", "events for Django are dropped", {{"reason", why}});
}

void CoreLayer::send_to(const std::string& group, const Inboxes& inboxes,
                        const boost::json::object& message) {
  sent_.fetch_add(1, std::memory_order_relaxed);
  if (inboxes.empty()) return;
  const auto oldest = std::to_string(to_millis(clock_.wall()) / 1000 - options_.expiry.count());
  const auto capacity = std::to_string(options_.capacity);
  const auto expiry = std::to_string(options_.expiry.count());
  const auto keys = std::to_string(inboxes.size());
  const auto score = next_score();
  std::vector<std::string> packed;
  for (const auto& [inbox, names] : inboxes) {
    auto addressed = message;
    addressed["__asgi_channel__"] = boost::json::array(names.begin(), names.end());
    packed.push_back(random_prefix() + msgpack::encode(addressed));
    sender_.call({"ZREMRANGEBYSCORE", inbox, "0", oldest}, [](const RedisReply*) {});
  }
  std::vector<std::string_view> words{"EVAL", kGroupSend, keys};
  for (const auto& [inbox, names] : inboxes) words.push_back(inbox);
  words.insert(words.end(), packed.begin(), packed.end());
  words.insert(words.end(), inboxes.size(), capacity);
  words.push_back(score);
  words.push_back(expiry);
  sender_.call(std::span<const std::string_view>(words), [this, group](const RedisReply* reply) {
    if (reply == nullptr || reply->integer() == 0) return;
    dropped_.fetch_add(1, std::memory_order_relaxed);
    if (told_full_at_ != MonoTime{} && loop_.now() - told_full_at_ < kTellDropsAgain) return;
    told_full_at_ = loop_.now();
    log_.warn("bridge", "inboxes of Django are full: some consumers miss events",
              {{"group", group}, {"full", reply->integer()}});
  });
}

// Messages of one inbox come out by their scores: each one's is later than the last one's.
std::string CoreLayer::next_score() {
  last_score_us_ = std::max(to_millis(clock_.wall()) * 1000, last_score_us_ + 1);
  return fmt::format("{}.{:06}", last_score_us_ / 1'000'000, last_score_us_ % 1'000'000);
}

std::string CoreLayer::random_prefix() {
  std::array<std::byte, channels::kRandomPrefix> bytes{};
  random_.fill(bytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace indaba::cluster
