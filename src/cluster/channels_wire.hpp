// How channels_redis 4 writes names and messages. See its core.py and pubsub.py.
#pragma once

#include "base/result.hpp"

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::cluster::channels {

// ASCII letters, digits, "-", "_", "."; fewer than 100.
[[nodiscard]] bool is_group_name(std::string_view name) noexcept;

// A message apart from what is said about it: MessagePack from anyone who reaches that Redis.
struct Unpacked {
  std::string type;
  boost::json::object members;        // the others
  std::vector<std::string> channels;  // "__asgi_channel__", where it is there
};
[[nodiscard]] Result<Unpacked> unpack(std::string_view packed);

// RedisPubSubChannelLayer: the Redis channel of a group is this and the group's name.
[[nodiscard]] std::string pubsub_prefix(std::string_view prefix);

// RedisChannelLayer: a sorted set with the group's channels.
[[nodiscard]] std::string group_key(std::string_view prefix, std::string_view group);
// The sorted set with a channel's messages: of those with a "!", one for all of the process.
[[nodiscard]] std::string inbox_key(std::string_view prefix, std::string_view channel);
// Before the packed message: makes equal messages different members of the set.
inline constexpr std::size_t kRandomPrefix = 12;

}  // namespace indaba::cluster::channels
