#include "feature/orgs/memberships.hpp"

namespace indaba::orgs {

namespace {

constexpr std::size_t kMaxOrgs = 10'000;
constexpr std::size_t kMaxRoles = 100'000;
// Every change is told of; this bounds a mistake, and the memory of organisations that sleep.

// One answer for an organisation that is missing and for one that is not the caller's.
Error no_such_org() {
  return Error(ErrorKind::not_found, "There is no such organisation.");
}

}  // namespace

Memberships::Memberships(db::Database& database, const Clock& clock, api::AccessChanges& changes,
                         Millis believed)
    : database_(database),
      by_slug_(clock, kMaxOrgs, believed),
      by_id_(clock, kMaxOrgs, believed),
      roles_(clock, kMaxRoles, believed) {
  changes.listen([this](const api::AccessChange& change) { on_change(change); });
}

Task<Result<api::Membership>> Memberships::membership(auth::Principal principal, std::string slug) {
  INDABA_CO_TRY(auto found, co_await org(std::move(slug)));
  api::Membership membership{found.id, std::move(found.slug), std::move(found.name),
                             auth::Role::member, found.notifications};
  if (principal.kind == auth::PrincipalKind::api_key) {
    if (principal.key_org != membership.org) co_return no_such_org();
    membership.role = auth::Role::admin;
  } else {
    if (!principal.is_user()) co_return no_such_org();
    INDABA_CO_TRY(const auto own, co_await role(membership.org, principal.user));
    if (!own) co_return no_such_org();
    membership.role = *own;
  }
  co_return membership;
}

Task<Result<OrgId>> Memberships::org_id(std::string slug) {
  INDABA_CO_TRY(const auto found, co_await org(std::move(slug)));
  co_return found.id;
}

Task<Result<Org>> Memberships::org(std::string slug) {
  if (auto known = by_slug_.find(slug)) co_return *std::move(known);
  const auto ticket = by_slug_.ticket(slug);
  auto query = [slug](db::Session& session) { return find_org(session, slug); };
  auto reading = database_.read(query);
  INDABA_CO_TRY(auto found, co_await reading);
  if (!found) co_return no_such_org();
  by_slug_.put(slug, *found, ticket);
  co_return *std::move(found);
}

Task<Result<Org>> Memberships::org(OrgId id) {
  if (auto known = by_id_.find(id)) co_return *std::move(known);
  const auto ticket = by_id_.ticket(id);
  auto query = [id](db::Session& session) { return find_org(session, id); };
  auto reading = database_.read(query);
  INDABA_CO_TRY(auto found, co_await reading);
  if (!found) co_return no_such_org();
  by_id_.put(id, *found, ticket);
  co_return *std::move(found);
}

Task<Result<std::optional<auth::Role>>> Memberships::role(OrgId org, UserId user) {
  const Place place{org, user};
  if (const auto known = roles_.find(place)) co_return known;
  const auto ticket = roles_.ticket(place);
  auto query = [org, user](db::Session& session) { return find_role(session, org, user); };
  auto reading = database_.read(query);
  INDABA_CO_TRY(const auto found, co_await reading);
  if (found) roles_.put(place, *found, ticket);
  co_return found;
}

void Memberships::forget(OrgId org) {
  by_id_.forget(org);
  by_slug_.forget_if([org](const std::string&, const Org& known) { return known.id == org; });
}

void Memberships::on_change(const api::AccessChange& change) {
  if (const auto* ended = std::get_if<api::MembershipEnded>(&change)) {
    roles_.forget({ended->org, ended->user});
  } else if (const auto* changed = std::get_if<api::RoleChanged>(&change)) {
    roles_.forget({changed->org, changed->user});
  } else if (const auto* renamed = std::get_if<api::OrgChanged>(&change)) {
    forget(renamed->org);
  } else if (const auto* deleted = std::get_if<api::OrgDeleted>(&change)) {
    forget(deleted->org);
    roles_.forget_if([&](const Place& place, auth::Role) { return place.org == deleted->org; });
  } else if (const auto* disabled = std::get_if<api::UserDisabled>(&change)) {
    roles_.forget_if([&](const Place& place, auth::Role) { return place.user == disabled->user; });
  } else if (std::holds_alternative<api::AccessUnknown>(change)) {
    by_id_.forget_if([](OrgId, const Org&) { return true; });
    by_slug_.forget_if([](const std::string&, const Org&) { return true; });
    roles_.forget_if([](const Place&, auth::Role) { return true; });
  }
}

}  // namespace indaba::orgs
