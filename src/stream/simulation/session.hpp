// Session: one connection on the server: a Reader with a bounded outbox that its client drains at
// its own speed. Lives on one loop.
#pragma once

#include "stream/local_hub.hpp"
#include "stream/simulation/link.hpp"
#include "stream/simulation/model_log.hpp"

#include <deque>
#include <map>
#include <memory>

namespace indaba::stream::simulation {

class PlainJson final : public WireFormat {
 public:
  net::Frame wrap(std::string_view json) override { return net::Frame::of(json); }
};

struct SimLoop {
  explicit SimLoop(World& world) : executor(world) {}
  SimExecutor executor;
  PlainJson format;
};

class Session : public Reader {
 public:
  Session(World& world, const ModelLog& log, LocalHub& hub, SimLoop& loop,
          std::shared_ptr<Link> link, Plant plant);
  ~Session() override;

  // On the loop.
  virtual void follow(StreamId stream, const std::string& name, bool durable, const Start& start);
  void unfollow(StreamId stream);

  [[nodiscard]] SimExecutor& loop() noexcept { return loop_.executor; }

  bool can_take() const override { return plant_ == Plant::lossy_outbox || !full(); }
  [[nodiscard]] UserId user() const noexcept override { return link_->user; }
  void on_subscribed(Subscription& subscription, const StreamState& state, Seq since) override;
  void on_reset(Subscription& subscription, ResetReason reason, const StreamState& state) override;
  void on_event(Subscription& subscription, Rendering& event) override;
  [[nodiscard]] bool takes_batches() const override { return batches_; }
  void on_batch(Subscription& subscription, Batch& batch) override;
  void on_gone(Subscription& subscription) override;

 protected:
  // The stream is not, or no longer, for this reader.
  void refuse(StreamId stream);
  [[nodiscard]] std::vector<StreamId> followed() const;
  [[nodiscard]] std::weak_ptr<Session*> life() const { return life_; }

 private:
  struct Followed {
    std::unique_ptr<Subscription> subscription;
    Seq head_when_asked;
  };
  [[nodiscard]] bool full() const noexcept { return outbox_.size() >= limit_; }
  void send_event(const Subscription& subscription, Rendering& event);
  [[nodiscard]] bool has_room();
  void send(Message message);
  void drain_later();
  void drain();

  World& world_;
  const ModelLog& log_;
  LocalHub& hub_;
  SimLoop& loop_;
  std::shared_ptr<Link> link_;
  const Plant plant_;
  const std::size_t limit_;
  const int pace_;  // ms a write
  const bool batches_;
  std::map<StreamId, Followed> followed_;
  std::deque<Message> outbox_;
  bool draining_ = false;
  std::shared_ptr<Session*> life_;
};

}  // namespace indaba::stream::simulation
