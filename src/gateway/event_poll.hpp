// EventPoll: one page of events, or a long poll that waits for the first one. The same
// subscriptions as everywhere: it reads until all streams are at their heads or the page is full,
// and then, if it has nothing, waits.
//
// Lives on its request's loop, for the time of the request.
#pragma once

#include "gateway/event_request.hpp"

#include <coroutine>
#include <optional>
#include <string>
#include <vector>

namespace indaba::gateway {

class EventPoll final : public stream::Reader,
                        public AccessHolder,
                        private net::Timer,
                        public std::enable_shared_from_this<EventPoll> {
 public:
  EventPoll(Gateway& gateway, std::shared_ptr<EventRequest> request, std::size_t limit,
            Millis wait);
  ~EventPoll() override;

  // The page as JSON; whoever awaits it keeps the poll alive. Errors: what ended the reader's
  // access meanwhile.
  Task<Result<std::string>> run();

  // stream::Reader
  [[nodiscard]] bool can_take() const override {
    return !finished_ && events_.size() < limit_ && bytes_ < kMaxBytes;
  }
  void on_subscribed(stream::Subscription& subscription, const stream::StreamState& state,
                     Seq since) override;
  void on_reset(stream::Subscription& subscription, stream::ResetReason reason,
                const stream::StreamState& state) override;
  void on_event(stream::Subscription& subscription, stream::Rendering& event) override;
  void on_live(stream::Subscription& subscription) override;
  void on_gone(stream::Subscription& subscription) override;

  // AccessHolder
  void on_access_change(const api::AccessChange& change) override;
  void on_drain(std::int64_t reconnect_after_ms) override;

 private:
  static constexpr std::size_t kMaxBytes = 4 * 1024 * 1024;
  static constexpr Millis kPatience{1'900};  // with the database
  struct Followed {
    std::unique_ptr<stream::Subscription> subscription;
    OrgId org;
    UserId peer;  // of a conversation
    Position position;
    bool known = false;  // where it is
    bool reached_head = false;
  };
  struct Finished {  // co_await: until the page is ready
    EventPoll& poll;
    [[nodiscard]] bool await_ready() const noexcept { return poll.finished_; }
    void await_suspend(std::coroutine_handle<> h) const noexcept { poll.awaiting_ = h; }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] Followed* find(const stream::Subscription& subscription);
  [[nodiscard]] bool all_known() const;
  void on_timer() override;
  void look();
  void finish_soon();
  void finish();
  void fail(Error error);
  [[nodiscard]] std::string page() const;

  Gateway& gateway_;
  LoopContext& context_;
  const std::shared_ptr<EventRequest> request_;
  const std::size_t limit_;
  const Millis wait_;
  std::vector<Followed> followed_;
  std::vector<net::Frame> events_;
  std::vector<std::string> resets_;
  std::optional<Error> error_;
  std::coroutine_handle<> awaiting_;
  std::size_t bytes_ = 0;
  bool waiting_ = false;
  bool late_ = false;  // it reads still, when its patience is over
  bool finishing_ = false;
  bool finished_ = false;
};

}  // namespace indaba::gateway
