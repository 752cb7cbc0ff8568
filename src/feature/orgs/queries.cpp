#include "feature/orgs/queries.hpp"

#include "auth/api_keys.hpp"

namespace indaba::orgs {

namespace {

constexpr std::string_view kOrgBySlug =
    "SELECT id, slug, name, notifications_stream FROM orgs WHERE slug = $1";
constexpr std::string_view kOrgById =
    "SELECT id, slug, name, notifications_stream FROM orgs WHERE id = $1";
Org read_org(const db::Row& r) {
  return {r.id<OrgId>(0), r.string(1), r.string(2), r.id<StreamId>(3)};
}

constexpr std::string_view kInsertOrg =
    "INSERT INTO orgs (slug, name, notifications_stream, created_at) VALUES ($1, $2, $3, $4) "
    "RETURNING id";
constexpr std::string_view kUpdateOrg = "UPDATE orgs SET slug = $2, name = $3 WHERE id = $1";
constexpr std::string_view kDeleteOrg = "DELETE FROM orgs WHERE id = $1";
constexpr std::string_view kStreams = "SELECT id FROM streams WHERE org_id = $1";
constexpr std::string_view kGiveStream = "UPDATE streams SET org_id = $2 WHERE id = $1";

constexpr std::string_view kOrgsOfUser =
    "SELECT o.id, o.slug, o.name, o.notifications_stream, m.role FROM org_members m JOIN orgs o ON "
    "o.id = m.org_id "
    "WHERE m.user_id = $1 AND o.id > $2 ORDER BY o.id LIMIT $3";
OrgOfUser read_org_of_user(const db::Row& r) {
  return {read_org(r), static_cast<auth::Role>(r.int64(4))};
}

constexpr std::string_view kRole =
    "SELECT m.role FROM org_members m JOIN users u ON u.id = m.user_id AND u.active = 1 WHERE "
    "m.org_id = $1 AND m.user_id = $2";
constexpr std::string_view kMemberBrief =
    "SELECT u.id, u.username, u.display_name FROM org_members m JOIN users u ON u.id = m.user_id "
    "AND u.active = 1 "
    "WHERE m.org_id = $1 AND m.user_id = $2";
constexpr std::string_view kMemberIds =
    "SELECT user_id FROM org_members WHERE org_id = $1 ORDER BY user_id";
constexpr std::string_view kShare =
    "SELECT 1 FROM org_members a JOIN org_members b ON b.org_id = a.org_id WHERE a.user_id = $1 "
    "AND b.user_id = $2 LIMIT 1";

constexpr std::string_view kMembers =
    "SELECT u.id, u.username, u.display_name, m.role, m.created_at FROM org_members m JOIN users u "
    "ON u.id = m.user_id "
    "WHERE m.org_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3";
constexpr std::string_view kMember =
    "SELECT u.id, u.username, u.display_name, m.role, m.created_at FROM org_members m JOIN users u "
    "ON u.id = m.user_id "
    "WHERE m.org_id = $1 AND m.user_id = $2";
MemberRow read_member(const db::Row& r) {
  return {r.id<UserId>(0), r.string(1), r.string(2), static_cast<auth::Role>(r.int64(3)),
          from_millis(r.int64(4))};
}

constexpr std::string_view kInsertMember =
    "INSERT INTO org_members (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4) ON "
    "CONFLICT (org_id, user_id) DO NOTHING";
constexpr std::string_view kUpdateRole =
    "UPDATE org_members SET role = $3 WHERE org_id = $1 AND user_id = $2";
constexpr std::string_view kDeleteMember =
    "DELETE FROM org_members WHERE org_id = $1 AND user_id = $2";
constexpr std::string_view kCountOwners =
    "SELECT count(*) FROM org_members WHERE org_id = $1 AND role = 4";

constexpr std::string_view kInsertInvite =
    "INSERT INTO org_invites (org_id, code_hash, created_by, max_uses, created_at, expires_at) "
    "VALUES ($1, $2, $3, $4, $5, $6)";
constexpr std::string_view kPurgeInvites =
    "DELETE FROM org_invites WHERE org_id = $1 AND (expires_at <= $2 OR uses >= max_uses)";
constexpr std::string_view kCountInvites = "SELECT count(*) FROM org_invites WHERE org_id = $1";
// The code itself is what names the organisation.
constexpr std::string_view kInviteByCode =
    "SELECT id, org_id, max_uses - uses, expires_at FROM org_invites WHERE code_hash = $1";
constexpr std::string_view kCountUse =
    "UPDATE org_invites SET uses = uses + 1 WHERE id = $1 AND org_id = $2";

constexpr std::string_view kInsertKey =
    "INSERT INTO api_keys (org_id, name, secret_hash, scopes, created_by, created_at) VALUES ($1, "
    "$2, $3, $4, $5, $6) RETURNING id";
constexpr std::string_view kKeys =
    "SELECT id, name, scopes, created_at FROM api_keys WHERE org_id = $1 ORDER BY id";
constexpr std::string_view kDeleteKey = "DELETE FROM api_keys WHERE org_id = $1 AND id = $2";

std::int64_t read_count(const db::Row& r) {
  return r.int64(0);
}

}  // namespace

Result<std::optional<Org>> find_org(db::Session& session, std::string_view slug) {
  return session.first<Org>(kOrgBySlug, read_org, slug);
}

Result<std::optional<Org>> find_org(db::Session& session, OrgId id) {
  return session.first<Org>(kOrgById, read_org, id);
}

Result<std::optional<auth::Role>> find_role(db::Session& session, OrgId org, UserId user) {
  return session.first<auth::Role>(
      kRole, [](const db::Row& r) { return static_cast<auth::Role>(r.int64(0)); }, org, user);
}

Result<std::optional<auth::UserBrief>> find_member(db::Session& session, OrgId org, UserId user) {
  return session.first<auth::UserBrief>(
      kMemberBrief,
      [](const db::Row& r) { return auth::UserBrief{r.int64(0), r.string(1), r.string(2)}; }, org,
      user);
}

Result<std::vector<UserId>> list_member_ids(db::Session& session, OrgId org) {
  return session.all<UserId>(kMemberIds, [](const db::Row& r) { return r.id<UserId>(0); }, org);
}

Result<std::vector<OrgOfUser>> list_orgs_of(db::Session& session, UserId user) {
  constexpr std::int64_t kAll = 1'000;
  return queries::page_orgs(session, user, OrgId(), kAll);
}

Result<bool> share_an_org(db::Session& session, UserId one, UserId other) {
  INDABA_TRY(const auto found, session.first<std::int64_t>(kShare, read_count, one, other));
  return found.has_value();
}

namespace queries {

Result<OrgId> insert_org(db::Session& session, std::string_view slug, std::string_view name,
                         StreamId notifications, WallTime now) {
  INDABA_TRY(const auto id, session.first<OrgId>(
                                kInsertOrg, [](const db::Row& r) { return r.id<OrgId>(0); }, slug,
                                name, notifications, to_millis(now)));
  if (!id) return Error::internal("an organisation was not inserted");
  return *id;
}

Result<void> update_org(db::Session& session, OrgId org, std::string_view slug,
                        std::string_view name) {
  return session.execute(kUpdateOrg, org, slug, name);
}

Result<void> delete_org(db::Session& session, OrgId org) {
  return session.execute(kDeleteOrg, org);
}

Result<std::vector<StreamId>> list_streams(db::Session& session, OrgId org) {
  return session.all<StreamId>(kStreams, [](const db::Row& r) { return r.id<StreamId>(0); }, org);
}

Result<void> give_stream(db::Session& session, StreamId stream, OrgId org) {
  return session.execute(kGiveStream, stream, org);
}

Result<std::vector<OrgOfUser>> page_orgs(db::Session& session, UserId user, OrgId after,
                                         std::int64_t limit) {
  return session.all<OrgOfUser>(kOrgsOfUser, read_org_of_user, user, after.value, limit);
}

Result<std::vector<MemberRow>> page_members(db::Session& session, OrgId org, UserId after,
                                            std::int64_t limit) {
  return session.all<MemberRow>(kMembers, read_member, org, after.value, limit);
}

Result<std::optional<MemberRow>> find_member_row(db::Session& session, OrgId org, UserId user) {
  return session.first<MemberRow>(kMember, read_member, org, user);
}

Result<bool> insert_member(db::Session& session, OrgId org, UserId user, auth::Role role,
                           WallTime now) {
  INDABA_TRY_VOID(
      session.execute(kInsertMember, org, user, static_cast<int>(role), to_millis(now)));
  return session.changed() > 0;
}

Result<void> update_role(db::Session& session, OrgId org, UserId user, auth::Role role) {
  return session.execute(kUpdateRole, org, user, static_cast<int>(role));
}

Result<void> delete_member(db::Session& session, OrgId org, UserId user) {
  return session.execute(kDeleteMember, org, user);
}

Result<std::int64_t> count_owners(db::Session& session, OrgId org) {
  INDABA_TRY(const auto count, session.first<std::int64_t>(kCountOwners, read_count, org));
  return count.value_or(0);
}

Result<void> insert_invite(db::Session& session, OrgId org, std::string_view code_hash,
                           UserId created_by, std::int64_t max_uses, WallTime now,
                           WallTime expires_at) {
  return session.execute(kInsertInvite, org, code_hash, created_by.value, max_uses, to_millis(now),
                         to_millis(expires_at));
}

Result<void> purge_invites(db::Session& session, OrgId org, WallTime now) {
  return session.execute(kPurgeInvites, org, to_millis(now));
}

Result<std::int64_t> count_invites(db::Session& session, OrgId org) {
  INDABA_TRY(const auto count, session.first<std::int64_t>(kCountInvites, read_count, org));
  return count.value_or(0);
}

Result<std::optional<InviteRow>> find_invite(db::Session& session, std::string_view code_hash) {
  return session.first<InviteRow>(
      kInviteByCode,
      [](const db::Row& r) {
        return InviteRow{r.int64(0), r.id<OrgId>(1), r.int64(2), from_millis(r.int64(3))};
      },
      code_hash);
}

Result<void> count_use(db::Session& session, std::int64_t invite, OrgId org) {
  return session.execute(kCountUse, invite, org);
}

Result<ApiKeyId> insert_key(db::Session& session, OrgId org, std::string_view name,
                            std::string_view secret_hash, std::string_view scopes,
                            UserId created_by, WallTime now) {
  INDABA_TRY(const auto id, session.first<ApiKeyId>(
                                kInsertKey, [](const db::Row& r) { return r.id<ApiKeyId>(0); }, org,
                                name, secret_hash, scopes, created_by, to_millis(now)));
  if (!id) return Error::internal("an API key was not inserted");
  return *id;
}

Result<std::vector<ApiKeyRow>> list_keys(db::Session& session, OrgId org) {
  return session.all<ApiKeyRow>(
      kKeys,
      [](const db::Row& r) {
        return ApiKeyRow{r.id<ApiKeyId>(0), r.string(1), auth::split_scopes(r.text(2)),
                         from_millis(r.int64(3))};
      },
      org);
}

Result<bool> delete_key(db::Session& session, OrgId org, ApiKeyId key) {
  INDABA_TRY_VOID(session.execute(kDeleteKey, org, key));
  return session.changed() > 0;
}

}  // namespace queries

}  // namespace indaba::orgs
