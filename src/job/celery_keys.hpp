// What the parts of a Broker have in common: kombu's keys and ours, and how scripts are called and
// answered.
#pragma once

#include "cluster/redis_reply.hpp"

#include <charconv>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::job::celery {

// kombu's: tag -> [message, exchange, queue]; tag -> when it was taken; who restores now.
inline constexpr std::string_view kUnacked = "unacked";
inline constexpr std::string_view kIndex = "unacked_index";
inline constexpr std::string_view kMutex = "unacked_mutex";
inline constexpr std::string_view kMarker = "indaba.celery.marker";  // goes when Redis is emptied
inline constexpr std::string_view kDeadKept = "200";                 // messages a queue

inline bool good(const cluster::RedisReply* reply) {
  return reply != nullptr && !reply->is_error();
}

// A number that a script writes as a text.
inline std::int64_t number_in(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

inline std::vector<std::string_view> words(std::initializer_list<std::string_view> first,
                                           const std::vector<std::string>& rest) {
  std::vector<std::string_view> all(first);
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

}  // namespace indaba::job::celery
