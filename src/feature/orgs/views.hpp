// What the organisations' routes take and answer.
#pragma once

#include "auth/principal.hpp"
#include "base/reflect.hpp"

#include <optional>
#include <string>
#include <vector>

namespace indaba::orgs {

using OrgName = json::Text<1, 100>;

struct CreateOrg {
  json::Slug slug;
  std::optional<OrgName> name;  // the slug where it is left out
};
BOOST_DESCRIBE_STRUCT(CreateOrg, (), (slug, name))

struct ChangeOrg {
  std::optional<json::Slug> slug;
  std::optional<OrgName> name;
};
BOOST_DESCRIBE_STRUCT(ChangeOrg, (), (slug, name))

struct OrgView {
  OrgId id;
  std::string slug;
  std::string name;
  auth::Role role = auth::Role::member;
};
BOOST_DESCRIBE_STRUCT(OrgView, (), (id, slug, name, role))

struct OrgList {
  std::vector<OrgView> results;
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(OrgList, (), (results, next_cursor))

struct PageQuery {
  json::Int<1, 200> limit{50};
  std::optional<json::Text<1, 200>> cursor;
  static constexpr std::array kDefaulted{std::string_view("limit")};
};
BOOST_DESCRIBE_STRUCT(PageQuery, (), (limit, cursor))

struct AddMember {
  std::optional<json::Text<1, 64>> username;  // one of the two
  std::optional<UserId> user_id;
  auth::Role role = auth::Role::member;
  static constexpr std::array kDefaulted{std::string_view("role")};
};
BOOST_DESCRIBE_STRUCT(AddMember, (), (username, user_id, role))

struct ChangeMember {
  auth::Role role = auth::Role::member;
};
BOOST_DESCRIBE_STRUCT(ChangeMember, (), (role))

struct MemberView {
  UserId user_id;
  std::string username;
  std::string display_name;
  auth::Role role = auth::Role::member;
  WallTime joined_at{};
};
BOOST_DESCRIBE_STRUCT(MemberView, (), (user_id, username, display_name, role, joined_at))

struct MemberList {
  std::vector<MemberView> results;
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(MemberList, (), (results, next_cursor))

struct CreateInvite {
  json::Int<1, 1'000> max_uses{1};
  json::Int<60, 30 * 24 * 3'600> expires_in{7 * 24 * 3'600};  // seconds
  static constexpr std::array kDefaulted{std::string_view("max_uses"),
                                         std::string_view("expires_in")};
};
BOOST_DESCRIBE_STRUCT(CreateInvite, (), (max_uses, expires_in))

struct InviteView {
  std::string code;  // shown this once
  std::string url;
  WallTime expires_at{};
  std::int64_t max_uses = 1;
};
BOOST_DESCRIBE_STRUCT(InviteView, (), (code, url, expires_at, max_uses))

struct CreateApiKey {
  json::Text<1, 100> name;
  std::vector<std::string> scopes;
};
BOOST_DESCRIBE_STRUCT(CreateApiKey, (), (name, scopes))

struct ApiKeyView {
  ApiKeyId id;
  std::string name;
  std::vector<std::string> scopes;
  WallTime created_at{};
};
BOOST_DESCRIBE_STRUCT(ApiKeyView, (), (id, name, scopes, created_at))

struct ApiKeyList {
  std::vector<ApiKeyView> results;
};
BOOST_DESCRIBE_STRUCT(ApiKeyList, (), (results))

struct CreatedApiKey {
  ApiKeyId id;
  std::string name;
  std::vector<std::string> scopes;
  WallTime created_at{};
  std::string key;  // shown this once
};
BOOST_DESCRIBE_STRUCT(CreatedApiKey, (), (id, name, scopes, created_at, key))

}  // namespace indaba::orgs
