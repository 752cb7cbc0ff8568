// Link: what lies between a client and its session on the server, and the messages that travel on
// it.
//
// Either side may be gone: the client has left and the server has not noticed, or the server has
// crashed.
#pragma once

#include "net/frame.hpp"
#include "stream/subscription.hpp"

#include <memory>
#include <string>

namespace indaba::stream::simulation {

class Session;
struct Link;

struct Message {
  enum class Kind : unsigned char { subscribed, event, reset, gone, unsubscribed, refused };
  Kind kind = Kind::event;
  StreamId stream;
  std::string name;   // by which the subscription asked
  std::string epoch;  // subscribed, reset
  Seq head;
  Seq since;
  ResetReason reason = ResetReason::expired;
  Seq head_when_asked;  // the log's, at the moment when the subscription started: nobody was ahead
                        // of it by mistake
  net::Frame frame;     // event
};

class Inbox {
 public:
  virtual ~Inbox() = default;
  virtual void receive(const Message& message) = 0;
  virtual void cut_off() = 0;  // the server is gone
};

// A process that clients connect to.
class Host {
 public:
  virtual ~Host() = default;
  virtual void connect(const std::shared_ptr<Link>& link) = 0;
  virtual void forget(const Session* session) = 0;  // its socket is gone
};

struct Link {
  Inbox* client = nullptr;     // none once the client has let go
  Session* session = nullptr;  // none once the server has
  Host* host = nullptr;        // as long as there is a session
  UserId user;                 // whose client it is
};

}  // namespace indaba::stream::simulation
