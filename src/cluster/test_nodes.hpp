// For tests: nodes that hear each other through one broker in memory, at once.
#pragma once

#include "cluster/cluster.hpp"
#include "cluster/memory_bus.hpp"

namespace indaba::cluster {

struct TestNode {
  TestNode(MemoryBroker& broker, std::int64_t id, const Clock& clock, Logger& log)
      : bus(broker), cluster(bus, NodeId(id), clock, log) {}

  MemoryBus bus;
  Cluster cluster;
};

}  // namespace indaba::cluster
