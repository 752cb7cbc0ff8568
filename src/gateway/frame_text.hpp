// FrameText: a JSON frame from the server, written member by member. Every frame on the socket is
// made here, so that one look tells what a client can meet.
#pragma once

#include "base/json_write.hpp"
#include "base/result.hpp"
#include "stream/subscription.hpp"

#include <string>
#include <string_view>

namespace indaba::gateway {

class FrameText {
 public:
  // `type` outlives this.
  explicit FrameText(std::string_view type) : type_(type), text_("{") { member("type", type); }

  FrameText& member(std::string_view name, const auto& value) {
    json::append_member(text_, name, value);
    return *this;
  }
  // `json` is a value that is already written, such as the client's own `ref`.
  FrameText& raw(std::string_view name, std::string_view json) {
    json::append_name(text_, name);
    text_ += json;
    return *this;
  }
  // Members that are already written: ",\"a\":1".
  FrameText& members(std::string_view tail) {
    text_ += tail;
    return *this;
  }
  [[nodiscard]] std::string finish() && {
    text_ += '}';
    return std::move(text_);
  }

  [[nodiscard]] std::string_view type() const noexcept { return type_; }

 private:
  std::string_view type_;
  std::string text_;
};

// What belongs to a direct answer: the client's `ref`, as JSON, where it sent one, and the
// session's count at that frame.
struct AnswerTo {
  std::string ref;  // JSON text, or empty
  std::int64_t count = 0;
  std::string client_message_id =
      {};  // of a message, as JSON: its sender must know which one was refused
  std::string_view type = "other";  // of the frame, for /metrics: one that FrameCounts knows
};

// {"code":…,"message":…,"retry_after_ms":…} as sockets say it; the log's part stays behind.
[[nodiscard]] std::string error_object(const Error& error);
[[nodiscard]] std::string error_frame(const Error& error, const AnswerTo& to);
// Without `to`, as SSE and long polls have it.
[[nodiscard]] std::string reset_object(std::string_view type, std::string_view stream,
                                       stream::ResetReason reason,
                                       const stream::StreamState& state);
[[nodiscard]] std::string goodbye_frame(std::string_view reason, std::int64_t total,
                                        std::int64_t reconnect_after_ms);

}  // namespace indaba::gateway
