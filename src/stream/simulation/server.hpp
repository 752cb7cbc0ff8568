// Server: one life of the process, from a start to a crash: the real Hub and its loops, and a
// session for each client.
//
// Session is a Reader with a bounded outbox that a client drains at its own speed. Bus stands
// between the log and the hub, where another node's notifications may be lost, repeated or late;
// repair() compares heads, as a cluster does from time to time.
#pragma once

#include "stream/hub.hpp"
#include "stream/simulation/link.hpp"
#include "stream/simulation/model_log.hpp"

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <vector>

namespace indaba::stream::simulation {

class Bus final : public CommitListener {
 public:
  Bus(World& world, Hub& hub, const Weather& weather, Plant plant)
      : world_(world), hub_(hub), weather_(weather), plant_(plant) {}
  void on_committed(std::span<const EventPtr> events) override;

 private:
  void pass_on(EventPtr event);
  [[nodiscard]] EventPtr renumbered(const EventPtr& event);

  World& world_;
  Hub& hub_;
  const Weather& weather_;
  const Plant plant_;
  std::map<StreamId, Seq> heard_;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

class Session final : public Reader {
 public:
  Session(World& world, const ModelLog& log, LocalHub& hub, SimExecutor& loop, WireFormat& format,
          std::shared_ptr<Link> link, Plant plant);
  ~Session() override;

  // On the loop.
  void follow(StreamId stream, const std::string& name, bool durable, const Start& start);
  void unfollow(StreamId stream);

  [[nodiscard]] SimExecutor& loop() noexcept { return loop_; }

  bool can_take() const override { return plant_ == Plant::lossy_outbox || !full(); }
  [[nodiscard]] UserId user() const noexcept override { return link_->user; }
  void on_subscribed(Subscription& subscription, const StreamState& state, Seq since) override;
  void on_reset(Subscription& subscription, ResetReason reason, const StreamState& state) override;
  void on_event(Subscription& subscription, Rendering& event) override;
  [[nodiscard]] bool takes_batches() const override { return batches_; }
  void on_batch(Subscription& subscription, Batch& batch) override;
  void on_gone(Subscription& subscription) override;

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
  SimExecutor& loop_;
  WireFormat& format_;
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

class Server {
 public:
  Server(World& world, ModelLog& log, const Weather& weather, Plant plant, std::size_t loops);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void connect(const std::shared_ptr<Link>& link);
  void forget(const Session* session);  // its socket is gone
  void repair(StreamId stream);
  void sweep();
  [[nodiscard]] Hub& hub() noexcept { return hub_; }

 private:
  World& world_;
  ModelLog& log_;
  const Plant plant_;
  std::vector<std::unique_ptr<SimExecutor>> loops_;
  std::vector<std::unique_ptr<WireFormat>> formats_;
  ModelStore store_;
  Hub hub_;
  Bus bus_;
  std::list<std::unique_ptr<Session>> sessions_;
};

}  // namespace indaba::stream::simulation
