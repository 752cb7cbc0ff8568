// Who may do what to whom in an organisation. Pure.
//
// Nobody acts on an equal or higher role. Owners may give any role, others only lower ones than
// their own, superusers too. One's own membership is one's own to lower or to
// leave, but the last owner stays.
#pragma once

#include "auth/principal.hpp"
#include "base/result.hpp"

namespace indaba::orgs {

struct Acting {
  UserId user;  // none: an API key
  auth::Role role = auth::Role::member;
};

struct Target {
  UserId user;
  auth::Role role = auth::Role::member;
};

[[nodiscard]] Error last_owner();
[[nodiscard]] Result<void> may_add(const Acting& actor, auth::Role given);
[[nodiscard]] Result<void> may_change_role(const Acting& actor, const Target& target,
                                           auth::Role given);
[[nodiscard]] Result<void> may_remove(const Acting& actor, const Target& target);

}  // namespace indaba::orgs
