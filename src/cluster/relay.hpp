// Relay: the hub's twin towards other nodes. What is committed or sent here goes to the readers of
// this process by the hub, and to those of other nodes by the bus; what they send comes in.
//
// Everything that features publish passes here. Without a cluster it is only the hub. What comes
// from others is not believed to be complete or in order: stream::LocalHub reads the log where an
// event is not the next one. Any thread.
#pragma once

#include "cluster/cluster.hpp"
#include "stream/hub.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <mutex>

namespace indaba::cluster {

class Relay final : public stream::CommitListener,
                    public stream::EphemeralPublisher,
                    public stream::SignPublisher,
                    public stream::RewriteListener,
                    private stream::FollowListener {
 public:
  struct Counters {
    std::atomic<std::uint64_t> sent{0};  // events, to all others together
    std::atomic<std::uint64_t> heard{0};
    std::atomic<std::uint64_t> held_back{0};   // heard while the hub does not deliver
    std::atomic<std::uint64_t> unreadable{0};  // messages
  };

  explicit Relay(stream::Hub& hub) : hub_(hub) {}
  // At start-up, before loops run and before the cluster starts, which outlives this.
  void connect(Cluster& cluster);
  // At start-up: told of the signs that other nodes send, on the bus's thread.
  void when_sign(std::function<void(const stream::Event&)> heard) { on_sign_ = std::move(heard); }

  void on_committed(std::span<const stream::EventPtr> events) override;
  void publish_ephemeral(StreamId stream, std::string type, std::string body) override;
  void publish_sign(StreamId stream, std::string type, std::string body, UserId except) override;
  void on_rewritten(StreamId stream) override;
  void on_trimmed(StreamId stream, Seq oldest);

  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

 private:
  void on_followed(StreamId stream) override;
  void on_unfollowed(StreamId stream) override;

  [[nodiscard]] bool others_listen() const noexcept {
    return cluster_ != nullptr && !cluster_->alone();
  }
  void hear(std::string_view body);
  void count_held_back(std::span<const stream::EventPtr> events,
                       std::span<const stream::Event> ephemeral);

  stream::Hub& hub_;
  Cluster* cluster_ = nullptr;
  std::function<void(const stream::Event&)> on_sign_;
  std::mutex mutex_;
  // Streams by shard; guarded by mutex_, as joining and leaving are. Below zero for the moment in
  // which the end of a following is told before its beginning.
  std::array<int, Cluster::kShards> followed_{};
  Counters counters_;
};

}  // namespace indaba::cluster
