// AccessChanges: how a feature tells everything that holds a live subscription that someone's
// access ended, and everything that remembers rows that they are others now.
//
// A feature calls record() inside the change that does it. Once that is committed, and before its
// caller is answered, every listener of this process has been told; listeners post to their own
// loops. The gateway is the main one: it ends subscriptions and sockets within a second. A cache of
// memberships or sessions is another.
//
// Where several nodes share the database, record() also appends the change to a stream that all of
// them follow (access_follower.hpp), in the same transaction: a node that dies between its commit
// and its word to the others cannot keep it to itself, and a node that missed the word finds it in
// the log like any other event.
#pragma once

#include "base/ids.hpp"
#include "db/database.hpp"

#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace indaba::api {

struct MembershipEnded {
  OrgId org;
  UserId user;
};  // removed, left, banned, account deleted
struct OrgDeleted {
  OrgId org;
};
struct SessionRevoked {
  UserId user;
  SessionId session;
};  // signed out, revoked, refresh token reused
struct UserSessionsRevoked {
  UserId user;
  SessionId except;
};  // password changed: all but one (or none)
struct UserDisabled {
  UserId user;
};
struct ApiKeyRevoked {
  ApiKeyId key;
};
struct StreamClosed {
  StreamId stream;
};  // deleted, or its readers changed: look again
struct StreamAccessEnded {
  StreamId stream;
  UserId user;
};  // taken out of a private room
struct RoleChanged {
  OrgId org;
  UserId user;
};  // in the organisation; what only a higher role may read may have ended: look again
struct SessionChanged {
  SessionId session;
};  // another secret, another end: who is connected stays
struct OrgChanged {
  OrgId org;
};  // its name: nobody's access ends
struct StreamRenamed {
  StreamId stream;
};  // a room's name, and with it its stream's: as little
struct UserChanged {
  UserId user;
};  // their name or language
struct TopicChanged {
  OrgId org;
  std::string topic;
};  // declared with other rules
struct AccessUnknown {};  // what changed meanwhile cannot be known: forget all, and look again
using AccessChange =
    std::variant<MembershipEnded, OrgDeleted, SessionRevoked, UserSessionsRevoked, UserDisabled,
                 ApiKeyRevoked, StreamClosed, StreamAccessEnded, RoleChanged, SessionChanged,
                 OrgChanged, StreamRenamed, UserChanged, TopicChanged, AccessUnknown>;

class AccessChanges {
 public:
  using Listener = std::function<void(const AccessChange&)>;
  // At start-up, before loops run.
  void listen(Listener listener) { listeners_.push_back(std::move(listener)); }
  // At start-up, where several nodes share the database: the stream that all follow, and which of
  // them this is.
  void share(StreamId stream, NodeId self) {
    stream_ = stream;
    self_ = self;
  }
  [[nodiscard]] StreamId shared_stream() const noexcept { return stream_; }
  [[nodiscard]] NodeId self() const noexcept { return self_; }

  // Inside a change. It outlives the commit.
  void record(db::WriteTx& tx, AccessChange change) const;
  // This process alone; any thread.
  void tell(const AccessChange& change) const {
    for (const auto& listener : listeners_) listener(change);
  }

 private:
  std::vector<Listener> listeners_;
  StreamId stream_;
  NodeId self_;
};

}  // namespace indaba::api
