// Organisations: the face of this feature.
//
// An organisation is the tenant: everything that belongs to one is found by its id, and whoever is
// not a member must not be able to tell whether it exists. Each has a notifications stream from its
// first moment. Roles include the lower ones: owner, admin, moderator, member.
//
// The functions on a session or a transaction run on a database thread; Memberships answers from
// memory on any executor.
#pragma once

#include "api/org_gate.hpp"
#include "auth/principal.hpp"
#include "auth/users.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::orgs {

struct Org {
  OrgId id;
  std::string slug;
  std::string name;
  StreamId notifications;
};

// Who did something, as events name it; none for a program with an API key.
struct Actor {
  UserId id;
  std::string username;
};
[[nodiscard]] std::optional<Actor> actor_of(const auth::Principal& principal);
// Appends `,"actor":{"id":7,"username":"anna"}` to an event's body; nothing where there is none.
void append_actor(std::string& body, const std::optional<Actor>& actor);

// --- Looking up, inside a read or a write
// ---------------------------------------------------------------------------------------

[[nodiscard]] Result<std::optional<Org>> find_org(db::Session& session, std::string_view slug);
[[nodiscard]] Result<std::optional<Org>> find_org(db::Session& session, OrgId id);
// Of an active user; nullopt: no member.
[[nodiscard]] Result<std::optional<auth::Role>> find_role(db::Session& session, OrgId org,
                                                          UserId user);
// A user as seen by an organisation that the user belongs to; nullopt for everyone else.
[[nodiscard]] Result<std::optional<auth::UserBrief>> find_member(db::Session& session, OrgId org,
                                                                 UserId user);
[[nodiscard]] Result<std::vector<UserId>> list_member_ids(db::Session& session, OrgId org);
struct OrgOfUser {
  Org org;
  auth::Role role = auth::Role::member;
};
[[nodiscard]] Result<std::vector<OrgOfUser>> list_orgs_of(db::Session& session, UserId user);
// Do the two have an organisation in common?
[[nodiscard]] Result<bool> share_an_org(db::Session& session, UserId one, UserId other);

// --- Making, inside a write: for routes, the command line and the demo
// -----------------------------------------------------------

struct NewOrg {
  std::string slug;  // text::is_slug
  std::string name;
  UserId owner;
};
// A slug that is taken is a conflict (`slug_taken`).
[[nodiscard]] Result<Org> create_org(db::WriteTx& tx, const NewOrg& wanted, const Clock& clock,
                                     Random& random);

// Adds a member and tells the organisation and the user (`member_added`). Already a member: a
// conflict (`already_member`).
[[nodiscard]] Result<void> add_member(db::WriteTx& tx, const Org& org, UserId user, auth::Role role,
                                      const std::optional<Actor>& actor, const Clock& clock);

struct NewApiKey {
  ApiKeyId id;
  std::string name;
  std::vector<std::string> scopes;
  WallTime created_at{};
  std::string key;  // shown this once
};
// `secret` from auth::new_secret(random, auth::kApiKeyPrefix). Unknown scopes are a 422.
[[nodiscard]] Result<NewApiKey> create_api_key(db::WriteTx& tx, OrgId org, std::string_view name,
                                               const std::vector<std::string>& scopes,
                                               UserId created_by, const std::string& secret,
                                               WallTime now);

// Uses an invitation up by one and adds the user as a member; a member already stays one, and
// nothing is used up. An invitation that is unknown, over or used up is not_found
// (`invite_not_found`).
[[nodiscard]] Result<OrgOfUser> use_invite(db::WriteTx& tx, std::string_view code,
                                           const Actor& user, const Clock& clock);

// Whose account is deleted leaves everywhere; where that user is the last owner, it is a conflict
// (`last_owner`) that names the organisation. Says what was left.
[[nodiscard]] Result<std::vector<OrgId>> leave_all(db::WriteTx& tx, const Actor& user);

}  // namespace indaba::orgs
