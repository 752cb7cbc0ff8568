// TypingStops: the seam between whoever knows that a user has stopped typing, because what they
// typed was sent, and whoever shows it.
#pragma once

#include "base/ids.hpp"

namespace indaba::api {

class TypingStops {
 public:
  virtual ~TypingStops() = default;
  // Any thread; returns at once. Nothing where the user was not typing there.
  virtual void stop(StreamId stream, UserId user) = 0;
};

}  // namespace indaba::api
