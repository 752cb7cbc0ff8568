// Memberships: who belongs to which organisation, from memory where it is known. The API's gate,
// and what sockets ask.
//
// Any executor. Answers are dropped when api::AccessChanges tells that they changed; a read that
// raced with a change is not kept (auth/versioned_cache.hpp). That somebody is no member is never
// remembered, so a new member is let in at once.
#pragma once

#include "api/access_changes.hpp"
#include "api/org_gate.hpp"
#include "auth/versioned_cache.hpp"
#include "feature/orgs/orgs.hpp"

namespace indaba::orgs {

class Memberships final : public api::OrgGate {
 public:
  // `database` and `clock` must outlive this, and this must outlive `changes`' last tell().
  Memberships(db::Database& database, const Clock& clock, api::AccessChanges& changes,
              Millis believed = auth::kBelievedAlone);
  Memberships(const Memberships&) = delete;
  Memberships& operator=(const Memberships&) = delete;

  Task<Result<api::Membership>> membership(auth::Principal principal, std::string slug) override;
  Task<Result<OrgId>> org_id(std::string slug) override;

  // not_found where there is none.
  [[nodiscard]] Task<Result<Org>> org(std::string slug);
  [[nodiscard]] Task<Result<Org>> org(OrgId id);
  // nullopt: no member.
  [[nodiscard]] Task<Result<std::optional<auth::Role>>> role(OrgId org, UserId user);

 private:
  struct Place {
    OrgId org;
    UserId user;
    friend bool operator==(const Place&, const Place&) = default;
  };
  struct PlaceHash {
    std::size_t operator()(const Place& place) const noexcept {
      return std::hash<OrgId>{}(place.org) * 31 + std::hash<UserId>{}(place.user);
    }
  };
  void on_change(const api::AccessChange& change);
  void forget(OrgId org);

  db::Database& database_;
  auth::VersionedCache<std::string, Org> by_slug_;
  auth::VersionedCache<OrgId, Org> by_id_;
  auth::VersionedCache<Place, auth::Role, PlaceHash> roles_;
};

}  // namespace indaba::orgs
