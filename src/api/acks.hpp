// AckListener: who wants to know how far the devices of a conversation's people have received it.
#pragma once

#include "base/ids.hpp"

namespace indaba::api {

class AckListener {
 public:
  virtual ~AckListener() = default;
  // On the loop of the socket that said so; must cost next to nothing. Every `ack` of a stream that
  // has a ResolvedStream::peer, also one that brings nothing new.
  virtual void on_ack(StreamId stream, UserId user, Seq seq) = 0;
};

}  // namespace indaba::api
