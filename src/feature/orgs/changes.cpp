// What the face offers inside a write: organisations, members, invitations and keys, with the
// events that tell of them.
#include "auth/api_keys.hpp"
#include "auth/secrets.hpp"
#include "base/json_write.hpp"
#include "base/reflect.hpp"
#include "base/text.hpp"
#include "feature/orgs/queries.hpp"
#include "feature/orgs/rules.hpp"
#include "feature/orgs/service.hpp"
#include "stream/event_log.hpp"

namespace indaba::orgs {

namespace {

constexpr std::size_t kMaxApiKeys = 100;

void append_user(std::string& body, std::string_view name, UserId id, std::string_view username) {
  json::append_name(body, name);
  body += '{';
  json::append_member(body, "id", id);
  json::append_member(body, "username", username);
  body += '}';
}

Error taken_slug() {
  return Error(ErrorKind::conflict, "slug_taken", "This name in the address is taken.");
}

}  // namespace

std::optional<Actor> actor_of(const auth::Principal& principal) {
  if (!principal.is_user()) return std::nullopt;
  return Actor{principal.user, principal.username};
}

void append_actor(std::string& body, const std::optional<Actor>& actor) {
  if (actor) append_user(body, "actor", actor->id, actor->username);
}

// The same event for the organisation, and with the organisation in it for the user whom it
// concerns.
Result<void> tell_of_member(db::WriteTx& tx, const Org& org, const MemberEvent& event) {
  std::string body;
  append_user(body, "user", event.user.id, event.user.username);
  if (event.role) json::append_member(body, "role", json::name_of(*event.role));
  if (event.from) json::append_member(body, "from", json::name_of(*event.from));
  append_actor(body, event.actor);
  tx.append({org.notifications, event.type, body, {}});

  INDABA_TRY(const auto user, auth::find_user(tx.sql(), event.user.id));
  if (!user || !user->active) return {};
  json::append_name(body, "org");
  body += '{';
  json::append_member(body, "id", org.id);
  json::append_member(body, "slug", org.slug);
  json::append_member(body, "name", org.name);
  body += '}';
  tx.append({user->me_stream, event.type, std::move(body), {}});
  return {};
}

Result<Org> create_org(db::WriteTx& tx, const NewOrg& wanted, const Clock& clock, Random& random) {
  auto& sql = tx.sql();
  if (!text::is_slug(wanted.slug))
    return Error::invalid_field("slug", "must be 1 to 64 of a-z, 0-9, \"-\" and \"_\".");
  INDABA_TRY(const auto taken, find_org(sql, wanted.slug));
  if (taken) return taken_slug();
  INDABA_TRY(const auto stream,
             stream::create_stream(sql, {.kind = "notifications"}, clock, random));
  const std::string& name = wanted.name.empty() ? wanted.slug : wanted.name;
  INDABA_TRY(const auto id, queries::insert_org(sql, wanted.slug, name, stream, clock.wall()));
  INDABA_TRY_VOID(queries::give_stream(sql, stream, id));
  INDABA_TRY(const auto inserted,
             queries::insert_member(sql, id, wanted.owner, auth::Role::owner, clock.wall()));
  check(inserted, "a new organisation has no members");
  return Org{id, wanted.slug, name, stream};
}

Result<void> add_member(db::WriteTx& tx, const Org& org, UserId user, auth::Role role,
                        const std::optional<Actor>& actor, const Clock& clock) {
  INDABA_TRY(const auto found, auth::find_user(tx.sql(), user));
  if (!found || !found->active)
    return Error(ErrorKind::not_found, "user_not_found", "There is no such user.");
  INDABA_TRY(const auto added, queries::insert_member(tx.sql(), org.id, user, role, clock.wall()));
  if (!added) return Error(ErrorKind::conflict, "already_member", "This user is a member already.");
  return tell_of_member(tx, org,
                        {"member_added", {user, found->username}, role, std::nullopt, actor});
}

Result<NewApiKey> create_api_key(db::WriteTx& tx, OrgId org, std::string_view name,
                                 const std::vector<std::string>& scopes, UserId created_by,
                                 const std::string& secret, WallTime now) {
  if (scopes.empty())
    return Error::invalid_field("scopes", "must name at least one scope.", "missing_field");
  std::vector<std::string> distinct;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (!auth::is_api_key_scope(scopes[i]))
      return Error::invalid_field(
          fmt::format("scopes.{}", i),
          fmt::format("must be one of {}.", fmt::join(auth::kApiKeyScopes, ", ")));
    if (std::find(distinct.begin(), distinct.end(), scopes[i]) == distinct.end())
      distinct.push_back(scopes[i]);
  }
  INDABA_TRY(const auto keys, queries::list_keys(tx.sql(), org));
  if (keys.size() >= kMaxApiKeys)
    return Error(ErrorKind::conflict, "too_many_keys", "An organisation has at most 100 API keys.");
  INDABA_TRY(const auto id, queries::insert_key(tx.sql(), org, name, auth::hash_secret(secret),
                                                auth::join_scopes(distinct), created_by, now));
  return NewApiKey{id, std::string(name), std::move(distinct), now, secret};
}

Result<OrgOfUser> use_invite(db::WriteTx& tx, std::string_view code, const Actor& user,
                             const Clock& clock) {
  const auto gone = [] {
    return Error(ErrorKind::not_found, "invite_not_found",
                 "This invitation does not exist or is over.");
  };
  INDABA_TRY(const auto invite, queries::find_invite(tx.sql(), auth::hash_secret(code)));
  if (!invite || invite->expires_at <= clock.wall()) return gone();
  INDABA_TRY(const auto org, find_org(tx.sql(), invite->org));
  if (!org) return gone();
  INDABA_TRY(const auto role, find_role(tx.sql(), org->id, user.id));
  if (role) return OrgOfUser{*org, *role};
  if (invite->uses_left <= 0) return gone();
  INDABA_TRY_VOID(queries::count_use(tx.sql(), invite->id, org->id));
  INDABA_TRY_VOID(add_member(tx, *org, user.id, auth::Role::member, user, clock));
  return OrgOfUser{*org, auth::Role::member};
}

Result<std::vector<OrgId>> leave_all(db::WriteTx& tx, const Actor& user) {
  INDABA_TRY(const auto orgs, list_orgs_of(tx.sql(), user.id));
  std::vector<OrgId> left;
  for (const auto& [org, role] : orgs) {
    INDABA_TRY(const auto owners, queries::count_owners(tx.sql(), org.id));
    if (role == auth::Role::owner && owners <= 1) {
      Error error = last_owner();
      error.detail = fmt::format(
          "You are the last owner of \"{}\". Hand it over or delete it first.", org.slug);
      return error;
    }
    INDABA_TRY_VOID(queries::delete_member(tx.sql(), org.id, user.id));
    INDABA_TRY_VOID(
        tell_of_member(tx, org, {"member_removed", user, std::nullopt, std::nullopt, user}));
    left.push_back(org.id);
  }
  return left;
}

}  // namespace indaba::orgs
