// CoreLayer: RedisChannelLayer. A group is a sorted set with the names of its channels, and each
// process of Django has an inbox, another sorted set, into which senders put their messages.
//
// Indaba has ONE inbox for all its nodes, whose name is made from the deployment's secret: the node
// that leads empties it. So what Django says while another node takes over, or while the only one
// is restarted, waits there, as long as Django keeps it (its `expiry`, 60 s) and as much as it lets
// an inbox hold (its `capacity`); therefore nothing is left when a node stops. A message that is
// taken out stands in the inbox's backup until it is dealt with, as channels_redis itself does it.
//
// A group has to be joined by its name, and joined again when Redis forgot it and now and then
// besides: a few at a time, the new ones first, so that events on their way to Django, which use
// the same connection, never wait for all of them.
//
// Lives on the bridge's loop. Two connections: one waits at the inbox, the other does the rest.
// One host: how channels_redis spreads over several differs by its version.
#pragma once

#include "cluster/channels_layer.hpp"
#include "cluster/redis_client.hpp"

#include <atomic>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

namespace indaba::cluster {

struct CoreLayerOptions {
  std::string prefix = "asgi";  // Django's
  std::string secret;           // the same on all nodes, and on no other deployment's
  std::int64_t capacity = 1500;
  std::chrono::seconds expiry{10};
  std::size_t most_groups = 500'000;  // some 200 bytes each, here and in Redis
};

class CoreLayer final : public ChannelLayer {
 public:
  // All but `options` outlive this.
  CoreLayer(net::Loop& loop, const RedisTarget& target, CoreLayerOptions options,
            const Clock& clock, Random& random, Logger& log);

  void start(ChannelLayerListener& listener) override;
  void stop() override;
  [[nodiscard]] bool every_node_hears() const noexcept override { return false; }
  void set_receiving(bool receiving) override;
  std::size_t follow(std::span<const std::string> groups) override;
  void group_send(const std::string& group, const boost::json::object& message) override;
  [[nodiscard]] ChannelLayerStats stats() const override;

 private:
  using Inboxes = std::map<std::string, std::vector<std::string>>;  // channels by inbox

  // Receiving (channels_core.cpp):
  void on_receiver_ready();
  void on_sender_ready();
  void join_all();
  void join_some();
  void look_for_loss();
  void begin_receiving();
  void wait_for_message();
  void take_more();
  void take(std::string_view member);
  void forget(const std::string& member);
  [[nodiscard]] std::string name_in(std::string_view group) const;
  // Sending (channels_core_send.cpp):
  void drop(std::string_view why);
  void send_to(const std::string& group, const Inboxes& inboxes,
               const boost::json::object& message);
  [[nodiscard]] std::string next_score();
  [[nodiscard]] std::string random_prefix();

  const CoreLayerOptions options_;
  const Clock& clock_;
  Random& random_;
  Logger& log_;
  net::Loop& loop_;
  ChannelLayerListener* listener_ = nullptr;
  RedisClient receiver_;
  RedisClient sender_;
  Alarm alarm_;
  const std::string own_;     // "specific.<24 hex>!"
  const std::string inbox_;   // the keys
  const std::string backup_;  // of what was taken out and is not dealt with
  const std::string marker_;  // there as long as nobody flushed Redis
  bool receiving_ = false;
  bool waiting_ = false;                       // a command of the receiver's is under way
  std::set<std::string, std::less<>> groups_;  // followed
  // By our channel in them, without own_.
  std::unordered_map<std::string, const std::string*> group_of_;
  std::deque<const std::string*> to_join_;
  bool joining_ = false;           // some are under way
  std::set<std::string> in_hand_;  // taken, and not dealt with yet
  std::size_t in_hand_bytes_ = 0;
  std::int64_t last_score_us_ = 0;
  MonoTime joined_at_{};
  MonoTime told_full_at_{};
  MonoTime told_dropped_at_{};
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::size_t> followed_{0};
  std::atomic<bool> up_{false};
};

}  // namespace indaba::cluster
