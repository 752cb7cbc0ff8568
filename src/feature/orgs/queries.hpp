// The SQL of organisations, for this feature alone. Every statement about something inside an
// organisation carries its id.
#pragma once

#include "feature/orgs/orgs.hpp"

namespace indaba::orgs {

struct MemberRow {
  UserId user;
  std::string username;
  std::string display_name;
  auth::Role role = auth::Role::member;
  WallTime joined_at{};
};

struct InviteRow {
  std::int64_t id = 0;
  OrgId org;
  std::int64_t uses_left = 0;
  WallTime expires_at{};
};

struct ApiKeyRow {
  ApiKeyId id;
  std::string name;
  std::vector<std::string> scopes;
  WallTime created_at{};
};

namespace queries {

[[nodiscard]] Result<OrgId> insert_org(db::Session& session, std::string_view slug,
                                       std::string_view name, StreamId notifications, WallTime now);
[[nodiscard]] Result<void> update_org(db::Session& session, OrgId org, std::string_view slug,
                                      std::string_view name);
[[nodiscard]] Result<void> delete_org(db::Session& session, OrgId org);
[[nodiscard]] Result<std::vector<StreamId>> list_streams(db::Session& session, OrgId org);
[[nodiscard]] Result<void> give_stream(db::Session& session, StreamId stream, OrgId org);

[[nodiscard]] Result<std::vector<OrgOfUser>> page_orgs(db::Session& session, UserId user,
                                                       OrgId after, std::int64_t limit);
[[nodiscard]] Result<std::vector<MemberRow>> page_members(db::Session& session, OrgId org,
                                                          UserId after, std::int64_t limit);
[[nodiscard]] Result<std::optional<MemberRow>> find_member_row(db::Session& session, OrgId org,
                                                               UserId user);
// False: was a member already.
[[nodiscard]] Result<bool> insert_member(db::Session& session, OrgId org, UserId user,
                                         auth::Role role, WallTime now);
[[nodiscard]] Result<void> update_role(db::Session& session, OrgId org, UserId user,
                                       auth::Role role);
[[nodiscard]] Result<void> delete_member(db::Session& session, OrgId org, UserId user);
[[nodiscard]] Result<std::int64_t> count_owners(db::Session& session, OrgId org);

[[nodiscard]] Result<void> insert_invite(db::Session& session, OrgId org,
                                         std::string_view code_hash, UserId created_by,
                                         std::int64_t max_uses, WallTime now, WallTime expires_at);
[[nodiscard]] Result<void> purge_invites(db::Session& session, OrgId org, WallTime now);
[[nodiscard]] Result<std::int64_t> count_invites(db::Session& session, OrgId org);
[[nodiscard]] Result<std::optional<InviteRow>> find_invite(db::Session& session,
                                                           std::string_view code_hash);
[[nodiscard]] Result<void> count_use(db::Session& session, std::int64_t invite, OrgId org);

[[nodiscard]] Result<ApiKeyId> insert_key(db::Session& session, OrgId org, std::string_view name,
                                          std::string_view secret_hash, std::string_view scopes,
                                          UserId created_by, WallTime now);
[[nodiscard]] Result<std::vector<ApiKeyRow>> list_keys(db::Session& session, OrgId org);
// False: there was none.
[[nodiscard]] Result<bool> delete_key(db::Session& session, OrgId org, ApiKeyId key);

}  // namespace queries

}  // namespace indaba::orgs
