// EphemeralPublisher: the way of events that are stale at once (a moving cursor). They have no
// `seq`, are never stored, and are the first thing dropped under pressure.
//
// SignPublisher: the same for what people do without saying anything (typing, presence). A sign has
// no time either, is sent whole however long, and may leave out the person that it is about.
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

class SignPublisher {
 public:
  virtual ~SignPublisher() = default;
  // None of the readers of `except` gets it. Any thread; returns at once.
  virtual void publish_sign(StreamId stream, std::string type, std::string body,
                            UserId except = {}) = 0;
};

}  // namespace indaba::stream
