// The rules of organisations, behind their routes. What a user changes and what everyone is told of
// it is one transaction; what ends somebody's access is told to api::AccessChanges right after its
// commit.
#pragma once

#include "api/access_changes.hpp"
#include "api/call.hpp"
#include "api/cursor.hpp"
#include "api/endpoint.hpp"
#include "feature/orgs/memberships.hpp"
#include "feature/orgs/orgs.hpp"
#include "feature/orgs/views.hpp"

#include <string>

namespace indaba::orgs {

struct MemberEvent {
  std::string type;  // member_added, member_removed, member_role_changed
  Actor user;
  std::optional<auth::Role> role;
  std::optional<auth::Role> from;
  std::optional<Actor> actor;
};
[[nodiscard]] Result<void> tell_of_member(db::WriteTx& tx, const Org& org,
                                          const MemberEvent& event);

class Orgs {
 public:
  struct Settings {
    bool only_superusers_create = false;  // orgs.creation
    std::string public_url;               // "https://indaba.example", for the links of invitations
  };

  // All must outlive this.
  Orgs(Settings settings, db::Database& database, const api::AccessChanges& changes,
       const api::Cursors& cursors, const Clock& clock, Random& random)
      : settings_(std::move(settings)),
        database_(database),
        changes_(changes),
        cursors_(cursors),
        clock_(clock),
        random_(random) {}
  Orgs(const Orgs&) = delete;
  Orgs& operator=(const Orgs&) = delete;

  void add_routes(api::Endpoints& endpoints);

 private:
  template <class T>
  using Answer = Task<Result<api::Reply<T>>>;

  Answer<OrgList> list(api::Call<api::Nothing, PageQuery> call);
  Answer<OrgView> create(api::Call<CreateOrg> call);
  Answer<OrgView> show(api::Call<> call);
  Answer<OrgView> change(api::Call<ChangeOrg> call);
  Answer<api::Nothing> remove(api::Call<> call);

  Answer<MemberList> list_members(api::Call<api::Nothing, PageQuery> call);
  Answer<MemberView> add_member(api::Call<AddMember> call);
  Answer<MemberView> change_member(api::Call<ChangeMember> call);
  Answer<api::Nothing> remove_member(api::Call<> call);

  Answer<InviteView> invite(api::Call<CreateInvite> call);
  Answer<OrgView> accept(api::Call<> call);

  Answer<ApiKeyList> list_keys(api::Call<> call);
  Answer<CreatedApiKey> create_key(api::Call<CreateApiKey> call);
  Answer<api::Nothing> delete_key(api::Call<> call);

  // After which id a page begins.
  [[nodiscard]] Result<std::int64_t> begin_of(const PageQuery& query, std::string_view list) const;

  const Settings settings_;
  db::Database& database_;
  const api::AccessChanges& changes_;
  const api::Cursors& cursors_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace indaba::orgs
