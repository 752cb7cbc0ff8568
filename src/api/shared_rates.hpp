// SharedRates: the nodes tell each other what keys have used, ten times a second, so that a limit
// holds over all of them: exactly, but for what is used within that tenth. Where the bus is down
// each node counts for itself.
//
// tell() on one loop; what others tell is counted on the bus's thread.
#pragma once

#include "api/rate_limit.hpp"
#include "cluster/cluster.hpp"

namespace indaba::api {

class SharedRates {
 public:
  static constexpr Millis kTell{100};

  // Both outlive this.
  SharedRates(RateLimiter& limiter, cluster::Cluster& cluster);
  void tell();

 private:
  void hear(std::string_view body);

  RateLimiter& limiter_;
  cluster::Cluster& cluster_;
};

}  // namespace indaba::api
