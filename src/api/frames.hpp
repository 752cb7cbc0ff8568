// Frames: the socket frames that features serve, in one typed table; the twin of Endpoints.
//
//   frames.on<PublishFrame>("publish", {.summary = "Publish an event", .names_stream = true},
//                           [this](FrameCall<PublishFrame> call) { return publish(std::move(call));
//                           });
//
// The gateway knows the frames of the protocol itself (subscribe, ping, …) and hands any other
// `type` to dispatch(). The lambda is no coroutine: it returns the task of a member coroutine.
// Built at start-up, read by all loops.
#pragma once

#include "api/call.hpp"
#include "auth/principal.hpp"
#include "base/check.hpp"
#include "base/reflect.hpp"
#include "base/result.hpp"
#include "base/task.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace indaba::api {

// What the gateway knows about a frame that came in.
struct FrameArrival {
  auth::Principal principal;
  std::string connection_id;
  std::string client_address;
  std::string url_stream;     // the stream that the socket's URL names, or ""
  boost::json::object frame;  // whole, with `type`, and `ref` if the client sent one
  // What the handler calls where the frames behind this one need not wait for its answer; see
  // FrameCall::give_way().
  std::function<void()> give_way;
};

template <class T>
struct FrameCall {
  auth::Principal principal;
  std::string connection_id;
  std::string client_address;
  std::string stream;  // the name that the frame or else the socket's URL gives, where the frame is
                       // about a stream
  T frame;
  std::function<void()> on_give_way;

  // The frames of a connection are served one after the other. A handler says here that at its next
  // suspension its frame has taken its place (in the writer's queue), so that the next one may
  // begin: a publisher then has many events in one commit, in its order.
  void give_way() const {
    if (on_give_way) on_give_way();
  }
};

// The direct answer: {"type":…, members…}; the gateway adds `ref` and `count`.
struct FrameReply {
  std::string type = "ok";
  std::string members;         // ",\"seq\":3" or ""
  bool only_with_ref = false;  // no answer at all to a client that sent no `ref`
};

struct FrameDocs {
  std::string summary;
  bool names_stream =
      false;  // has a `stream`, which may be left out where the socket's URL names one
  std::string_view or_names = {};  // the member that a frame may have instead of a `stream`
};

struct FrameType {
  FrameDocs docs;
  std::function<Task<Result<FrameReply>>(FrameArrival)> serve;
  boost::json::value (*schema)(json::Use) = nullptr;  // of the members beside type, ref and stream
};

class Frames {
 public:
  // At start-up. `Handler`: Task<Result<FrameReply>>(FrameCall<T>).
  template <class T, class Handler>
  void on(std::string_view type, FrameDocs docs, Handler handler);

  // At start-up: a frame that the gateway serves itself, for the API's description alone.
  template <class T>
  void document(std::string_view type, FrameDocs docs) {
    check(
        types_.emplace(std::string(type), FrameType{std::move(docs), {}, &json::schema<T>}).second,
        "a frame type has one handler");
  }

  [[nodiscard]] bool knows(std::string_view type) const {
    const auto found = types_.find(type);
    return found != types_.end() && found->second.serve;
  }
  // On a loop. An unknown type is `unknown_type`; a handler that throws is `internal`.
  Task<Result<FrameReply>> dispatch(FrameArrival arrival) const;
  [[nodiscard]] const std::map<std::string, FrameType, std::less<>>& types() const noexcept {
    return types_;
  }

 private:
  std::map<std::string, FrameType, std::less<>> types_;
};

// The socket's code for an error: one of the protocol's own ("missing_field", "not_found", …).
[[nodiscard]] std::string_view socket_code(const Error& error) noexcept;

namespace detail {

// Takes `type`, `ref` and, where the frame has one, `stream` out of the frame; what is left is the
// handler's.
[[nodiscard]] Result<std::string> take_stream(FrameArrival& arrival, bool names_stream,
                                              std::string_view or_names);

template <class T>
Task<Result<FrameReply>> refuse_frame(Error error) {
  co_return std::move(error);
}

}  // namespace detail

template <class T, class Handler>
void Frames::on(std::string_view type, FrameDocs docs, Handler handler) {
  const bool names_stream = docs.names_stream;
  const auto or_names = docs.or_names;
  FrameType entry{std::move(docs), {}, &json::schema<T>};
  entry.serve = [handler = std::move(handler), names_stream,
                 or_names](FrameArrival arrival) -> Task<Result<FrameReply>> {
    auto stream = detail::take_stream(arrival, names_stream, or_names);
    if (!stream) return detail::refuse_frame<T>(std::move(stream).error());
    auto frame = json::read<T>(boost::json::value(std::move(arrival.frame)));
    if (!frame) return detail::refuse_frame<T>(std::move(frame).error());
    return handler(FrameCall<T>{std::move(arrival.principal), std::move(arrival.connection_id),
                                std::move(arrival.client_address), *std::move(stream),
                                *std::move(frame), std::move(arrival.give_way)});
  };
  check(types_.emplace(std::string(type), std::move(entry)).second, "a frame type has one handler");
}

}  // namespace indaba::api
