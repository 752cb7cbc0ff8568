// Bridge: between groups of Django's channel layer and streams.
//
// From Django: a message to a mapped group, whose type the mapping lets in, becomes an event of the
// mapped stream. Where it is kept, exactly one node appends it, the one that leads; in the order in
// which the group heard it, and again and again until it is committed, by a key that keeps it from
// being there twice. To Django: an event that this node committed on a mapped stream, whose type
// the mapping lets out, is sent into the group.
//
// A loop on a thread of its own. Messages wait in a lane for each group, events in one for each
// stream; at most 65,536 and 32 MiB in all, past that the new ones are dropped and counted. start()
// and stop() on the thread that ends the program, on_committed() on a writer's.
#pragma once

#include "base/log.hpp"
#include "cluster/bridge_sink.hpp"
#include "cluster/channels_layer.hpp"
#include "cluster/loop_thread.hpp"
#include "stream/event_log.hpp"

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

namespace indaba::cluster {

struct BridgeStats {
  ChannelLayerStats layer;
  bool leading = false;
  std::uint64_t delivered = 0;  // from Django
  std::uint64_t refused = 0;    // likewise: a type that is not let in, no such stream, …
  std::uint64_t sent = 0;       // to Django
  std::uint64_t dropped = 0;    // either way: too many waited, or not writable in time
  std::size_t left_out = 0;     // groups that are not followed, since there are too many
};

class Bridge final : private ChannelLayerListener, public stream::CommitListener {
 public:
  static constexpr Millis kStop{4000};
  static constexpr std::int64_t kMostWaiting = 65'536;
  static constexpr std::int64_t kMostBytes = std::int64_t{32} << 20U;
  static constexpr std::size_t kMostBody = std::size_t{256} * 1024;

  // The layer lives on the loop that it is made with.
  using MakeLayer = std::function<std::unique_ptr<ChannelLayer>(net::Loop&)>;
  struct Parts {  // all outlive this
    db::Database& database;
    BridgeSink& sink;
    const Clock& clock;
    Random& random;
    Logger& log;
  };
  Bridge(Parts parts, std::vector<GroupMapping> mappings, const MakeLayer& make_layer);
  ~Bridge() override;

  void start();
  // Before the database stops: what waits is finished within 2 s, or left.
  void stop(Millis within = kStop);
  void on_committed(std::span<const stream::EventPtr> events) override;
  [[nodiscard]] BridgeStats stats() const;  // any thread

 private:
  enum class Refusal : unsigned char { type, unreadable, group, stream, body, write, full };
  struct Item {  // from Django
    GroupMessage message;
    std::string dedupe_key;
    std::int64_t term = 0;  // in which this node led; 0: another one appends it
  };
  struct Lane {
    std::string group;
    const GroupMapping* mapping = nullptr;
    BridgeStream target;
    std::optional<KnownStream> stream;
    MonoTime found_at{};
    std::deque<Item> items;
    bool running = false;
  };
  struct OutLane {
    StreamId id;
    std::vector<const GroupMapping*> mappings;
    std::vector<std::string> groups;
    MonoTime found_at{};
    std::deque<stream::EventPtr> events;
    bool running = false;
  };

  // From Django (bridge_in.cpp):
  void on_group_message(GroupMessage message) override;
  void on_unreadable(const std::string& why) override;
  [[nodiscard]] const GroupMapping* mapping_of(std::string_view group, BridgeStream& target) const;
  void take(GroupMessage message, const GroupMapping& mapping, BridgeStream target, bool ours);
  Task<void> run(std::shared_ptr<Lane> lane);
  enum class Found : unsigned char { yes, no, unknown };
  Task<Found> find_stream(std::shared_ptr<Lane> lane);
  Task<void> append_some(std::shared_ptr<Lane> lane);
  Task<Result<void>> append(KnownStream stream, std::vector<BridgeEvent> events, std::int64_t term);
  [[nodiscard]] bool worth_waiting(const Error& error, std::int64_t term, MonoTime since) const;
  [[nodiscard]] bool out_of_time(MonoTime since) const;
  void publish_all(Lane& lane);
  [[nodiscard]] std::optional<BridgeEvent> event_of(const Lane& lane, const Item& item);
  void finish(Item& item, bool done);
  void drop_all(Lane& lane, Found why);
  void refuse(Refusal why, std::string_view detail);
  // To Django (bridge_out.cpp):
  void take_events(std::vector<stream::EventPtr> events);
  Task<void> run_out(std::shared_ptr<OutLane> lane);
  void send(const OutLane& lane, const stream::Event& event);
  // bridge.cpp:
  void on_leading(bool leading);
  void follow_new();
  Task<void> follow_blanks();
  void follow(const GroupMapping& mapping, const BridgeSink::Blanks& blanks);
  void tell_left_out();
  void sweep();
  [[nodiscard]] bool reserve(std::size_t bytes);
  void release(std::size_t bytes);
  void every(Millis interval, void (Bridge::*work)());

  Parts parts_;
  const std::vector<GroupMapping> mappings_;
  std::set<std::string, std::less<>> out_types_;  // of all mappings
  LoopThread thread_;
  std::unique_ptr<ChannelLayer> layer_;
  Leader leader_;

  std::atomic<bool> started_{false};
  std::atomic<bool> closing_{false};    // nothing new from Django
  std::atomic<bool> abandoned_{false};  // what still waits
  std::atomic<int> running_{0};         // lanes and searches
  std::atomic<std::int64_t> waiting_{0};
  std::atomic<std::int64_t> waiting_bytes_{0};
  std::atomic<std::uint64_t> delivered_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::size_t> left_out_{0};

  // The loop's own:
  std::unordered_map<std::string, std::shared_ptr<Lane>> lanes_;
  std::unordered_map<StreamId, std::shared_ptr<OutLane>> out_lanes_;
  std::vector<std::int64_t> followed_up_to_;  // by mapping: ids whose groups are followed
  bool following_ = false;
  MonoTime followed_at_{};
  std::size_t counted_left_out_ = 0;  // since all were looked at for the last time
  std::uint64_t counter_ = 0;
  std::array<std::atomic<MonoTime>, 7> told_at_{};  // by refusal
};

}  // namespace indaba::cluster
