// Session: one client's conversation over one socket: who it is, what it follows, what it counts,
// and the frames it sends.
//
// Lives on its socket's loop. Shared by the socket's protocol and by the requests it has under way,
// so that a database answer that comes after the socket is gone finds it closed, not destroyed.
// Frames are served one after the other in the order in which they came (gateway/frame_queue.hpp);
// what comes meanwhile waits, and past a bound the socket is not read. Invariant: after close() or
// lost() nothing is sent, and nothing is subscribed.
#pragma once

#include "api/frames.hpp"
#include "auth/principal.hpp"
#include "gateway/access_holder.hpp"
#include "gateway/connection_id.hpp"
#include "gateway/connection_limits.hpp"
#include "gateway/frame_budget.hpp"
#include "gateway/frame_queue.hpp"
#include "gateway/live_subscriptions.hpp"
#include "gateway/loop_context.hpp"
#include "gateway/resume.hpp"
#include "presence/typing.hpp"
#include "presence/typing_budget.hpp"
#include "presence/views.hpp"
#include "ws/close_code.hpp"

#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace indaba::gateway {

class Gateway;

// The socket under a session, as far as the session needs it.
class SocketTransport {
 public:
  virtual ~SocketTransport() = default;
  // Both the same as long as the transport is: the session keeps them at hand for delivering.
  [[nodiscard]] virtual net::Connection& connection() = 0;
  [[nodiscard]] virtual stream::WireFormat& format() = 0;  // of events
  // Sends a Close frame behind all that waits, and closes. `linger`: how long a peer that does not
  // read is waited for.
  virtual void close(ws::CloseCode code, std::string_view reason, Millis linger) = 0;
};

// What the handshake found out.
struct Opening {
  auth::Principal principal;
  ConnectionLimits::Place place;
  ConnectionId connection_id;
  std::string session_uuid;
  std::string client_address;
  std::optional<api::ResolvedStream> url_stream;
  bool counter = false;  // /ws/chat/: unknown frames are counted, not refused
  stream::Start start;
  bool welcome = true;
  std::optional<SavedSession> saved;
  bool anew = false;       // what was saved is withdrawn: the client is to follow everything again
  bool withdrawn = false;  // what was saved is now: the URL's stream is not among it
};

class Session final : public stream::Reader,
                      public AccessHolder,
                      public std::enable_shared_from_this<Session> {
 public:
  Session(Gateway& gateway, LoopContext& context, SocketTransport& transport, Opening opening);
  ~Session() override;

  void open();
  void on_text(std::string_view text);
  void on_drained();  // the queue has run empty
  void on_ping_written();
  void on_pong();
  void on_client_close(ws::CloseCode code);
  void close(ws::CloseCode code, std::string_view sentence, std::int64_t reconnect_after_ms = 0);
  void on_lost();  // the connection is gone

  [[nodiscard]] bool closed() const noexcept { return closed_; }
  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  [[nodiscard]] const auth::Principal& principal() const noexcept { return principal_; }
  [[nodiscard]] UserId user() const noexcept override { return user_; }
  [[nodiscard]] std::string_view session_uuid() const noexcept { return session_uuid_; }
  [[nodiscard]] Executor& executor() const noexcept { return context_.loop; }
  [[nodiscard]] std::optional<WallTime> expires_at() const noexcept {
    return principal_.expires_at;
  }
  // Nothing where its client cannot be known to have heard that it began anew: that may still
  // believe to follow what it did.
  [[nodiscard]] std::optional<SavedSession> snapshot() const;
  void save();  // for a resume after a crash; from the loop's save queue

  // AccessHolder
  void on_access_change(const api::AccessChange& change) override;
  void on_drain(std::int64_t reconnect_after_ms) override;

  // stream::Reader
  [[nodiscard]] bool can_take() const override;
  void on_subscribed(stream::Subscription& subscription, const stream::StreamState& state,
                     Seq since) override;
  void on_reset(stream::Subscription& subscription, stream::ResetReason reason,
                const stream::StreamState& state) override;
  void on_event(stream::Subscription& subscription, stream::Rendering& event) override;
  [[nodiscard]] bool takes_batches() const override { return true; }
  void on_batch(stream::Subscription& subscription, stream::Batch& batch) override;
  void on_gone(stream::Subscription& subscription) override;

 private:
  void serve(std::string_view text, std::int64_t count);
  [[nodiscard]] std::string_view org_slug() const noexcept;  // of an organisation's socket
  void observe_served(std::chrono::steady_clock::time_point since);
  void handle(std::string_view text, std::int64_t count);
  void dispatch(boost::json::object frame, std::string_view type, AnswerTo to);
  void serve_waiting();
  void on_ack(boost::json::object frame, const AnswerTo& to);
  void on_unsubscribe(boost::json::object frame, const AnswerTo& to);
  void count_plainly(const boost::json::object& frame, const AnswerTo& to);
  // session_presence.cpp
  void on_presence(boost::json::object frame, const AnswerTo& to);
  Task<void> serve_presence(presence::Viewpoint place, AnswerTo to);
  void on_typing(boost::json::object frame, const AnswerTo& to);
  Task<void> serve_typing(StreamId stream, UserId peer, AnswerTo to);
  void types_on(StreamId stream);
  // The subscription that a frame names, or the socket's URL; nullptr where that has been refused.
  LiveSubscription* named(const std::optional<json::Text<1, 300>>& name, const AnswerTo& to);
  void begin(std::unique_ptr<FrameQueue::Turn> turn, Task<void> work);
  void give_way(FrameQueue::Turn& turn);
  static Task<void> run(std::shared_ptr<Session> self, std::unique_ptr<FrameQueue::Turn> turn,
                        Task<void> work);
  Task<void> serve_subscribe(boost::json::object frame, AnswerTo to);
  Task<void> serve_auth(boost::json::object frame, AnswerTo to);
  Task<void> serve_feature(boost::json::object frame, AnswerTo to, FrameQueue::Turn& turn);
  Task<Result<void>> look_up_url_name();
  Task<Result<api::ResolvedStream>> find_stream(std::string name, StreamId id, OrgId org);
  Task<Result<void>> follow(std::string name, StreamId id, OrgId org, stream::Start start,
                            AnswerTo to);
  Task<Result<void>> follow_again(SavedPosition position);
  Task<void> restore(std::vector<SavedPosition> positions);
  void subscribe_now(const api::ResolvedStream& resolved, const stream::Start& start, AnswerTo to);
  Task<void> look_again(StreamId stream);

  void answer(FrameText frame, const AnswerTo& to);
  void refuse(const Error& error, const AnswerTo& to);
  void send_text(std::string_view type, std::string_view json);
  void end_subscription(LiveSubscription& subscription, ws::CloseCode code,
                        std::string_view sentence);
  void release(ws::CloseCode code, std::string_view reason);
  void on_heard();
  void save_soon();
  Task<void> withdraw_saved();

  // What a delivery touches stands together: with thousands of readers it is memory that costs.
  net::Connection* connection_;  // none when it is lost, as the two below
  stream::WireFormat* format_;
  LoopContext& context_;
  std::uint32_t frames_out_ = 0;
  bool closed_ = false;
  Gateway& gateway_;
  SocketTransport* transport_;
  auth::Principal principal_;
  ConnectionLimits::Place place_;
  const UserId user_;  // of the principal; never changes, so that any thread may read it
  ConnectionId connection_id_;
  std::string session_uuid_;
  std::unique_ptr<std::string> client_address_;  // where it is not the connection's: behind a proxy
  std::string url_stream_;
  StreamId url_stream_id_;  // stays, whatever the stream is called
  OrgId org_;
  // The name that features know it by, where that is not the URL's any more.
  std::unique_ptr<std::string> url_stream_now_;
  std::unique_ptr<std::string> other_org_slug_;  // where the URL's name does not have it
  std::unique_ptr<Opening> opening_;             // until open()
  LiveSubscriptions subscriptions_;
  std::vector<SavedPosition> restoring_;  // of the session before, not followed again yet
  FrameBudget budget_;
  presence::TypingBudget typing_budget_;
  presence::Typing::Device typing_device_ = 0;  // from the first word on
  FrameQueue frames_;
  std::int64_t count_ = 0;
  std::uint16_t errors_in_row_ = 0;
  bool counter_ = false;
  bool answered_ = true;  // the frame that was served last; false where it has begun a turn
  bool serving_ = false;  // inside serve(): what may begin, begins when it returns
  bool paused_ = false;
  bool save_queued_ = false;
  bool heard_ = true;             // from its client, where it began anew
  bool saved_ = false;            // something may be saved of it that knows less than it follows
  bool withdrawing_ = false;      // what is saved: nothing is to be saved meanwhile
  bool url_name_unsure_ = false;  // the URL's stream may be called otherwise now
  MonoTime opened_at_;
  MonoTime saved_at_{};  // what a resumed session would go on from
};

}  // namespace indaba::gateway
