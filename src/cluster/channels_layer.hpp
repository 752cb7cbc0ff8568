// ChannelLayer: Django's channel layer (the package channels_redis) as Indaba sees it: groups with
// names, and messages to them. Unmodified Django code is on the other side.
//
// start(), stop(), follow(), set_receiving() and group_send() on the bridge's loop; the listener is
// called there or on a thread of the layer. Messages are lost where the layer loses them: nothing
// here repeats one that was sent.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace indaba::cluster {

// What Django said to a group. `members` is without the type.
struct GroupMessage {
  std::string group;
  std::string type;
  boost::json::object members;
  std::size_t bytes = 0;  // on the wire
  std::string id;         // the same whenever the layer hands the message over again; may be empty
  // What tells the layer that the message need not be handed over again; nothing where it does not
  // care. On the bridge's loop.
  std::function<void()> done;
};

class ChannelLayerListener {
 public:
  virtual ~ChannelLayerListener() = default;
  virtual void on_group_message(GroupMessage message) = 0;
  // What came is no message. `why` holds nothing of it.
  virtual void on_unreadable(const std::string& why) = 0;
};

struct ChannelLayerStats {
  bool up = false;
  std::uint64_t sent = 0;      // messages to groups
  std::uint64_t received = 0;  // likewise
  std::uint64_t dropped = 0;   // because the layer is down or its queue full
  std::size_t groups = 0;      // that are followed by name
};

class ChannelLayer {
 public:
  virtual ~ChannelLayer() = default;
  virtual void start(ChannelLayerListener& listener) = 0;
  virtual void stop() = 0;
  // Each node hears what is said to the groups; else the one that is set to receive.
  [[nodiscard]] virtual bool every_node_hears() const noexcept = 0;
  virtual void set_receiving(bool receiving) = 0;
  // Groups to hear from now on, besides those heard already. How many of them are not heard, since
  // there are more than the layer can follow.
  virtual std::size_t follow(std::span<const std::string> groups) = 0;
  // `message` has its type, which the group's consumers must know: another one ends them.
  virtual void group_send(const std::string& group, const boost::json::object& message) = 0;
  [[nodiscard]] virtual ChannelLayerStats stats() const = 0;  // any thread
};

}  // namespace indaba::cluster
