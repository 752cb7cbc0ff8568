#include "gateway/access_holder.hpp"

#include "base/overloaded.hpp"

namespace indaba::gateway {

std::optional<AccessEnd> ends_principal(const api::AccessChange& change,
                                        const auth::Principal& who) {
  using Ends = std::optional<AccessEnd>;
  const bool user = who.is_user();
  return std::visit(Overloaded{
                        [&](const api::SessionRevoked& c) -> Ends {
                          if (user && who.user == c.user && who.session == c.session && who.session)
                            return AccessEnd::unauthenticated;
                          return {};
                        },
                        [&](const api::UserSessionsRevoked& c) -> Ends {
                          if (user && who.user == c.user && (!c.except || who.session != c.except))
                            return AccessEnd::unauthenticated;
                          return {};
                        },
                        [&](const api::UserDisabled& c) -> Ends {
                          if (user && who.user == c.user) return AccessEnd::unauthenticated;
                          return {};
                        },
                        [&](const api::ApiKeyRevoked& c) -> Ends {
                          if (who.api_key && who.api_key == c.key)
                            return AccessEnd::unauthenticated;
                          return {};
                        },
                        [&](const api::OrgDeleted& c) -> Ends {
                          if (who.api_key && who.key_org == c.org) return AccessEnd::lost;
                          return {};
                        },
                        [](const auto&) -> Ends { return {}; },
                    },
                    change);
}

StreamEnd ends_stream(const api::AccessChange& change, const auth::Principal& who,
                      const StreamAccess& stream) {
  if (const auto* left = std::get_if<api::StreamAccessEnded>(&change))
    return who.is_user() && left->user == who.user && left->stream == stream.id
               ? StreamEnd::shut_out
               : StreamEnd::keeps;
  if (!stream.org) return StreamEnd::keeps;
  if (const auto* gone = std::get_if<api::OrgDeleted>(&change))
    return gone->org == stream.org ? StreamEnd::org_gone : StreamEnd::keeps;
  if (const auto* left = std::get_if<api::MembershipEnded>(&change))
    return who.is_user() && left->user == who.user && left->org == stream.org ? StreamEnd::lost
                                                                              : StreamEnd::keeps;
  return StreamEnd::keeps;
}

bool may_end_stream(const api::AccessChange& change, const auth::Principal& who,
                    const StreamAccess& stream) {
  if (const auto* closed = std::get_if<api::StreamClosed>(&change))
    return closed->stream == stream.id;
  if (const auto* changed = std::get_if<api::RoleChanged>(&change))
    return stream.org && changed->org == stream.org && who.is_user() && changed->user == who.user;
  if (!stream.peer) return false;
  // The two may have had that organisation alone in common.
  if (const auto* left = std::get_if<api::MembershipEnded>(&change))
    return left->user == who.user || left->user == stream.peer;
  if (const auto* gone = std::get_if<api::UserDisabled>(&change)) return gone->user == stream.peer;
  return std::holds_alternative<api::OrgDeleted>(change);
}

bool may_rename_stream(const api::AccessChange& change, StreamId stream, OrgId org) {
  if (const auto* renamed = std::get_if<api::StreamRenamed>(&change))
    return renamed->stream == stream;
  const auto* changed = std::get_if<api::OrgChanged>(&change);
  return changed != nullptr && org && changed->org == org;
}

}  // namespace indaba::gateway
