// BridgeSink: what the bridge needs of streams, and may not know: who has which, and how an event
// is written to it. Called on the bridge's loop.
#pragma once

#include "base/task.hpp"
#include "cluster/bridge_mapping.hpp"
#include "cluster/leader.hpp"

#include <boost/json/object.hpp>

namespace indaba::cluster {

struct KnownStream {
  StreamId id;
  bool durable = true;
  BridgeStream name;  // with all that is known: the organisation's id and its slug
};

struct BridgeEvent {
  std::string type;
  std::string body;  // as db::EventDraft has it
  std::string dedupe_key;
};

class BridgeSink {
 public:
  virtual ~BridgeSink() = default;
  // None where the stream is not there, or its owner is gone.
  virtual Task<Result<std::optional<KnownStream>>> find(BridgeStream stream) = 0;
  // Likewise, and where it is of a kind that has no group.
  virtual Task<Result<std::optional<KnownStream>>> find(StreamId stream) = 0;
  // What can stand in a mapping's blank: ids or slugs of all there are, `after` this id, as
  // pairs of id and text, in the order of the ids.
  using Blanks = std::vector<std::pair<std::int64_t, std::string>>;
  virtual Task<Result<Blanks>> blanks(GroupMapping mapping, std::int64_t after) = 0;

  // How the members of a message stand in an event of that kind of stream.
  [[nodiscard]] virtual Result<std::string> body_of(BridgeStream::Kind kind,
                                                    const boost::json::object& members) = 0;
  // Commits them all, in order, where `fence` lets it; what was there before by its key stays.
  // What cannot be is `not_found`, `conflict` or `invalid`; "not_leader" is the fence's.
  virtual Task<Result<void>> append(KnownStream stream, std::vector<BridgeEvent> events,
                                    Leader::Fence fence) = 0;
  // An event that nobody keeps: to the readers of this node, or of all.
  virtual void publish(const KnownStream& stream, BridgeEvent event, bool on_all_nodes) = 0;
};

}  // namespace indaba::cluster
