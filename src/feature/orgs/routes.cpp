#include "feature/orgs/service.hpp"

namespace indaba::orgs {

using api::Access;
using api::Call;
using api::Nothing;

void Orgs::add_routes(api::Endpoints& endpoints) {
  endpoints.get<PageQuery, OrgList>(
      "/api/v1/orgs",
      {.summary = "The organisations that you belong to",
       .tag = "organisations",
       .access = Access::user},
      [this](Call<Nothing, PageQuery> call) { return list(std::move(call)); });
  endpoints.post<CreateOrg, Nothing, OrgView>(
      "/api/v1/orgs",
      {.summary = "Make an organisation",
       .description = "You become its owner.",
       .tag = "organisations",
       .access = Access::user,
       .status = 201,
       .errors = {{409, "slug_taken", "The slug belongs to another organisation."}}},
      [this](Call<CreateOrg> call) { return create(std::move(call)); });
  endpoints.get<Nothing, OrgView>(
      "/api/v1/orgs/{org}",
      {.summary = "An organisation and your role in it", .tag = "organisations", .scope = "read"},
      [this](Call<> call) { return show(std::move(call)); });
  endpoints.patch<ChangeOrg, Nothing, OrgView>(
      "/api/v1/orgs/{org}",
      {.summary = "Rename an organisation",
       .description = "A new slug changes its addresses; its streams stay.",
       .tag = "organisations",
       .access = Access::admin,
       .errors = {{409, "slug_taken", "The slug belongs to another organisation."}}},
      [this](Call<ChangeOrg> call) { return change(std::move(call)); });
  endpoints.remove<Nothing, Nothing>("/api/v1/orgs/{org}",
                                     {.summary = "Delete an organisation with everything in it",
                                      .tag = "organisations",
                                      .access = Access::owner,
                                      .status = 204},
                                     [this](Call<> call) { return remove(std::move(call)); });

  endpoints.get<PageQuery, MemberList>(
      "/api/v1/orgs/{org}/members", {.summary = "Members", .tag = "organisations", .scope = "read"},
      [this](Call<Nothing, PageQuery> call) { return list_members(std::move(call)); });
  endpoints.post<AddMember, Nothing, MemberView>(
      "/api/v1/orgs/{org}/members",
      {.summary = "Add a member",
       .description = "By username or user_id. Owners may give any role, admins only lower ones "
                      "than their own.",
       .tag = "organisations",
       .access = Access::admin,
       .status = 201,
       .errors = {{404, "user_not_found", "There is no such user."},
                  {409, "already_member", "The user is a member."}}},
      [this](Call<AddMember> call) { return add_member(std::move(call)); });
  endpoints.patch<ChangeMember, Nothing, MemberView>(
      "/api/v1/orgs/{org}/members/{user_id}",
      {.summary = "Change a member's role",
       .description = "Nobody acts on an equal or higher role; everyone may lower their own.",
       .tag = "organisations",
       .errors = {{409, "last_owner", "The last owner cannot be demoted."}}},
      [this](Call<ChangeMember> call) { return change_member(std::move(call)); });
  endpoints.remove<Nothing, Nothing>(
      "/api/v1/orgs/{org}/members/{user_id}",
      {.summary = "Remove a member, or leave",
       .tag = "organisations",
       .status = 204,
       .errors = {{409, "last_owner", "The last owner cannot leave."}}},
      [this](Call<> call) { return remove_member(std::move(call)); });

  endpoints.post<CreateInvite, Nothing, InviteView>(
      "/api/v1/orgs/{org}/invites",
      {.summary = "Make an invitation",
       .description = "The code is shown this once. expires_in is in seconds.",
       .tag = "organisations",
       .access = Access::admin,
       .status = 201,
       .credentials = true,
       .errors = {{409, "too_many_invites", "There are 1000 open ones."}}},
      [this](Call<CreateInvite> call) { return invite(std::move(call)); });
  endpoints.post<Nothing, Nothing, OrgView>(
      "/api/v1/invites/{code}/accept",
      {.summary = "Accept an invitation",
       .tag = "organisations",
       .access = Access::user,
       .errors = {{404, "invite_not_found", "It is unknown, over, or used up."}}},
      [this](Call<> call) { return accept(std::move(call)); });

  endpoints.get<Nothing, ApiKeyList>(
      "/api/v1/orgs/{org}/api-keys",
      {.summary = "API keys", .tag = "organisations", .access = Access::admin},
      [this](Call<> call) { return list_keys(std::move(call)); });
  endpoints.post<CreateApiKey, Nothing, CreatedApiKey>(
      "/api/v1/orgs/{org}/api-keys",
      {.summary = "Make an API key",
       .description = "The key is shown this once. Scopes: publish, read, admin.",
       .tag = "organisations",
       .access = Access::admin,
       .status = 201,
       .credentials = true,
       .errors = {{409, "too_many_keys", "There are 100 of them."}}},
      [this](Call<CreateApiKey> call) { return create_key(std::move(call)); });
  endpoints.remove<Nothing, Nothing>("/api/v1/orgs/{org}/api-keys/{id}",
                                     {.summary = "Delete an API key",
                                      .tag = "organisations",
                                      .access = Access::admin,
                                      .status = 204},
                                     [this](Call<> call) { return delete_key(std::move(call)); });
}

}  // namespace indaba::orgs
