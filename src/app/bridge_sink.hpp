// SqlBridgeSink: what the bridge needs of streams, by the tables of those who have them.
#pragma once

#include "cluster/bridge_sink.hpp"
#include "stream/publisher.hpp"

namespace indaba::app {

class SqlBridgeSink final : public cluster::BridgeSink {
 public:
  // All outlive this.
  SqlBridgeSink(db::Database& database, stream::EphemeralPublisher& own_readers,
                stream::EphemeralPublisher& all_readers)
      : database_(database), own_readers_(own_readers), all_readers_(all_readers) {}

  Task<Result<std::optional<cluster::KnownStream>>> find(cluster::BridgeStream stream) override;
  Task<Result<std::optional<cluster::KnownStream>>> find(StreamId stream) override;
  Task<Result<Blanks>> blanks(cluster::GroupMapping mapping, std::int64_t after) override;
  [[nodiscard]] Result<std::string> body_of(cluster::BridgeStream::Kind kind,
                                            const boost::json::object& members) override;
  Task<Result<void>> append(cluster::KnownStream stream, std::vector<cluster::BridgeEvent> events,
                            cluster::Leader::Fence fence) override;
  void publish(const cluster::KnownStream& stream, cluster::BridgeEvent event,
               bool on_all_nodes) override;

 private:
  db::Database& database_;
  stream::EphemeralPublisher& own_readers_;
  stream::EphemeralPublisher& all_readers_;
};

}  // namespace indaba::app
