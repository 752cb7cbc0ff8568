// Principal: who is calling, as far as it is proved. Made by the authenticator from a request's
// credentials; a plain value.
#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"

#include <boost/describe/enum.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace indaba::auth {

// What a member may do in an organisation; a higher role includes the lower ones.
enum class Role : std::uint8_t { member = 1, moderator = 2, admin = 3, owner = 4 };
BOOST_DESCRIBE_ENUM(Role, member, moderator, admin, owner)

enum class PrincipalKind : std::uint8_t { anonymous, user, api_key };
enum class CredentialKind : std::uint8_t {
  none,
  access_token,
  personal_token,
  api_key,
  session_cookie,
  socket_token,
  external_token
};

struct Principal {
  PrincipalKind kind = PrincipalKind::anonymous;
  CredentialKind credential = CredentialKind::none;
  UserId user;
  std::string username;
  bool superuser = false;
  SessionId session;  // of our own sign-ins; revoking it ends sockets
  std::string locale = "en";
  // An API key belongs to one organisation and does what its scopes say ("publish", "read", …).
  ApiKeyId api_key;
  OrgId key_org;
  std::vector<std::string> scopes;
  // An external token may name streams of its own (`streams` claim) and ends sockets at its `exp`.
  std::vector<std::string> streams;
  std::optional<WallTime> expires_at;

  [[nodiscard]] bool is_user() const noexcept { return kind == PrincipalKind::user; }
  [[nodiscard]] bool is_known() const noexcept { return kind != PrincipalKind::anonymous; }
  [[nodiscard]] bool has_scope(std::string_view scope) const noexcept {
    for (const auto& s : scopes)
      if (s == scope) return true;
    return false;
  }
};

}  // namespace indaba::auth
