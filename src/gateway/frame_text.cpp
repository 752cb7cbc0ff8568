#include "gateway/frame_text.hpp"

#include "api/frames.hpp"

namespace indaba::gateway {

std::string error_object(const Error& error) {
  std::string out = "{";
  json::append_member(out, "code", api::socket_code(error));
  std::string message =
      error.kind == ErrorKind::internal ? "Something went wrong on our side." : error.detail;
  if (!error.fields.empty())
    message = error.fields.front().field + ": " + error.fields.front().message;
  json::append_member(out, "message", message);
  if (!error.fields.empty()) json::append_member(out, "field", error.fields.front().field);
  if (error.retry_after.count() > 0)
    json::append_member(out, "retry_after_ms", error.retry_after.count());
  out += '}';
  return out;
}

std::string error_frame(const Error& error, const AnswerTo& to) {
  FrameText frame("error");
  if (!to.ref.empty()) frame.raw("ref", to.ref);
  if (!to.client_message_id.empty()) frame.raw("client_message_id", to.client_message_id);
  frame.raw("error", error_object(error)).member("count", to.count);
  return std::move(frame).finish();
}

std::string reset_object(std::string_view type, std::string_view stream, stream::ResetReason reason,
                         const stream::StreamState& state) {
  FrameText frame(type);
  frame.member("stream", stream)
      .member("reason", stream::to_string(reason))
      .member("epoch", state.epoch)
      .member("oldest", state.oldest)
      .member("head", state.head);
  return std::move(frame).finish();
}

std::string goodbye_frame(std::string_view reason, std::int64_t total,
                          std::int64_t reconnect_after_ms) {
  FrameText frame("goodbye");
  frame.member("reason", reason)
      .member("total", total)
      .member("reconnect_after_ms", reconnect_after_ms);
  return std::move(frame).finish();
}

}  // namespace indaba::gateway
