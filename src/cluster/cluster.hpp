// Cluster: this node among the others. It says that it is there, knows who else is, and brings what
// they say to whom it concerns.
//
// Every message carries the version of this format, the node that sent it and its topic; a version
// that is not known is dropped (and the log repairs what was lost). A node is known from its hello,
// every second, to its goodbye, or until it was silent for 3.5 s. tell_*() and the questions on any
// thread; listen() at start-up; tick() once a second on one thread. Receivers are called on the
// bus's thread and must not block.
#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "cluster/bus.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace indaba::cluster {

enum class Topic : std::uint8_t { hello, goodbye, events, leases, rates, sessions, jobs };
inline constexpr std::size_t kTopics = 7;

class Cluster final : private BusListener {
 public:
  static constexpr Millis kHello{1'000};
  static constexpr Millis kSilent{3'500};
  // Channels over which events are spread, so that a node hears those of its own streams and not
  // much more.
  static constexpr unsigned kShards = 64;
  [[nodiscard]] static unsigned shard_of(StreamId stream) noexcept {
    return static_cast<unsigned>(static_cast<std::uint64_t>(stream.value) % kShards);
  }

  using Receive = std::function<void(NodeId from, std::string_view body)>;
  // `bus` and `log` outlive this.
  Cluster(Bus& bus, NodeId self, const Clock& clock, Logger& log);
  ~Cluster() override;
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  void listen(Topic topic, Receive receive);
  // Events of a shard arrive from now on; what was sent before may be lost.
  void when_joined(std::function<void()> joined) { joined_ = std::move(joined); }
  void start();
  void stop();  // says goodbye

  void tell_all(Topic topic, std::string_view body);
  void tell(NodeId node, Topic topic, std::string_view body);
  void tell_shard(unsigned shard, std::string_view body);  // Topic::events
  void join_shard(unsigned shard);
  void leave_shard(unsigned shard);
  void tick();

  [[nodiscard]] NodeId self() const noexcept { return self_; }
  [[nodiscard]] bool up() const noexcept { return up_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::vector<NodeId> others() const;
  [[nodiscard]] std::size_t count() const noexcept {  // of the others
    return count_.load(std::memory_order_relaxed);
  }
  // Is nobody there to be told?
  [[nodiscard]] bool alone() const noexcept { return count() == 0; }
  [[nodiscard]] BusStats bus() const { return bus_.stats(); }

 private:
  void on_message(std::string_view channel, std::string_view payload) override;
  void on_joined(std::string_view channel) override;
  void on_up() override;
  void on_down() override;

  [[nodiscard]] std::string envelope(Topic topic, std::string_view body) const;
  void heard_of(NodeId node);
  void lost(NodeId node);

  Bus& bus_;
  const NodeId self_;
  const Clock& clock_;
  Logger& log_;
  std::array<Receive, kTopics> receivers_;
  std::function<void()> joined_;
  bool started_ = false;
  std::atomic<bool> up_{false};
  std::atomic<std::size_t> count_{0};
  mutable std::mutex mutex_;
  std::unordered_map<NodeId, MonoTime> others_;  // heard last; guarded by mutex_
};

[[nodiscard]] NodeId new_node_id(Random& random);
// As people read it in logs and figures.
[[nodiscard]] std::string to_string(NodeId node);

}  // namespace indaba::cluster
