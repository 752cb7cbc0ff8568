// SseStream: events as server-sent events (WHATWG HTML, "Server-sent events") on one connection.
//
// Owned by its connection, on its loop. Every event carries the positions of all its streams as its
// id, so that a browser's own Last-Event-ID resumes them at once.
#pragma once

#include "gateway/event_request.hpp"
#include "net/connection.hpp"

#include <memory>
#include <string>
#include <vector>

namespace indaba::gateway {

class SseStream final : public net::Protocol, public stream::Reader, public AccessHolder {
 public:
  SseStream(Gateway& gateway, LoopContext& context, net::Connection& connection,
            EventRequest& request);
  ~SseStream() override;
  void begin(const EventRequest& request);

  // net::Protocol
  void on_bytes(std::span<char>) override {}  // a client has nothing to say here
  void on_drained() override;
  void on_timer() override;
  void on_closed() override;

  // stream::Reader
  [[nodiscard]] UserId user() const noexcept override { return principal_.user; }
  [[nodiscard]] bool can_take() const override;
  void on_subscribed(stream::Subscription& subscription, const stream::StreamState& state,
                     Seq since) override;
  void on_reset(stream::Subscription& subscription, stream::ResetReason reason,
                const stream::StreamState& state) override;
  void on_event(stream::Subscription& subscription, stream::Rendering& event) override;
  void on_gone(stream::Subscription& subscription) override;

  // AccessHolder
  void on_access_change(const api::AccessChange& change) override;
  void on_drain(std::int64_t reconnect_after_ms) override;

 private:
  struct Followed {
    std::unique_ptr<stream::Subscription> subscription;
    presence::FollowedStreams::Follow follow;
    OrgId org;
    Position position;  // for the cursor
    Seq head;
    bool started = false;
  };

  void open_if_all_started();
  void send(std::string_view name, std::string_view id, std::string_view data);
  [[nodiscard]] std::string cursor() const;
  [[nodiscard]] Followed* find(const stream::Subscription& subscription);
  void end_one(StreamId stream, ws::CloseCode code, std::string_view sentence);
  void close(ws::CloseCode code, std::string_view sentence, std::int64_t reconnect_after_ms = 0);
  void release();

  Gateway& gateway_;
  LoopContext& context_;
  net::Connection& connection_;
  auth::Principal principal_;
  ConnectionLimits::Place place_;
  std::vector<Followed> followed_;
  std::vector<std::string> early_resets_;  // until all streams have started
  std::shared_ptr<SseStream*> self_;       // what was posted and comes too late finds it expired
  int ticks_ = 0;
  bool open_ = false;
  bool closed_ = false;
};

}  // namespace indaba::gateway
