// AccessChanges: how a feature tells everything that holds a live subscription that someone's
// access ended.
//
// Called after the commit that took the access away, from any executor; listeners post to their own
// loops. The gateway is the main listener: it ends subscriptions and sockets within a second. A
// cache of memberships or sessions is another.
#pragma once

#include "base/ids.hpp"

#include <functional>
#include <mutex>
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
using AccessChange =
    std::variant<MembershipEnded, OrgDeleted, SessionRevoked, UserSessionsRevoked, UserDisabled,
                 ApiKeyRevoked, StreamClosed, StreamAccessEnded, RoleChanged>;

class AccessChanges {
 public:
  using Listener = std::function<void(const AccessChange&)>;
  // At start-up, before loops run.
  void listen(Listener listener) { listeners_.push_back(std::move(listener)); }
  // Any thread.
  void tell(const AccessChange& change) const {
    for (const auto& listener : listeners_) listener(change);
  }

 private:
  std::vector<Listener> listeners_;
};

}  // namespace indaba::api
