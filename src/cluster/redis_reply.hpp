// RedisReply: a view of what Redis answered. Lives as long as the call that hands it over.
#pragma once

#include <cstdint>
#include <hiredis/hiredis.h>
#include <string>
#include <string_view>

namespace indaba::cluster {

class RedisReply {
 public:
  explicit RedisReply(const redisReply* reply) noexcept : reply_(reply) {}

  [[nodiscard]] bool is_error() const noexcept { return type() == REDIS_REPLY_ERROR; }
  [[nodiscard]] bool is_nil() const noexcept { return type() == REDIS_REPLY_NIL; }
  [[nodiscard]] bool is_text() const noexcept {
    return type() == REDIS_REPLY_STRING || type() == REDIS_REPLY_STATUS || is_error();
  }
  // Of a string, a status or an error; else empty. Any bytes.
  [[nodiscard]] std::string_view text() const noexcept {
    return is_text() ? std::string_view(reply_->str, reply_->len) : std::string_view();
  }
  [[nodiscard]] std::int64_t integer() const noexcept {
    return type() == REDIS_REPLY_INTEGER ? reply_->integer : 0;
  }
  // Of an array; else none.
  [[nodiscard]] std::size_t size() const noexcept {
    return type() == REDIS_REPLY_ARRAY ? reply_->elements : 0;
  }
  [[nodiscard]] RedisReply operator[](std::size_t index) const noexcept {
    return RedisReply(index < size() ? reply_->element[index] : nullptr);
  }
  // An error for the log: without what was sent, which some servers quote.
  [[nodiscard]] std::string error() const {
    return std::string(text().substr(0, text().find(", with args")).substr(0, kMaxError));
  }
  // Only its first word, such as "WRONGPASS".
  [[nodiscard]] std::string_view error_code() const noexcept {
    return is_error() ? text().substr(0, text().find(' ')) : std::string_view();
  }

 private:
  static constexpr std::size_t kMaxError = 160;
  [[nodiscard]] int type() const noexcept {
    return reply_ == nullptr ? REDIS_REPLY_NIL : reply_->type;
  }
  const redisReply* reply_;
};

}  // namespace indaba::cluster
