// EphemeralPublisher: the way of events that are stale at once (typing, presence, a moving cursor).
// They have no `seq`, are never stored, and are the first thing dropped under pressure.
#pragma once

#include "base/ids.hpp"

#include <string>

namespace indaba::stream {

class EphemeralPublisher {
 public:
  virtual ~EphemeralPublisher() = default;
  // `body` as in Event::body. Any thread; returns at once.
  virtual void publish_ephemeral(StreamId stream, std::string type, std::string body) = 0;
};

}  // namespace indaba::stream
