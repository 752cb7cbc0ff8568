// API keys as the authenticator knows them: found by the hash of their secret. An organisation
// makes and deletes them (feature/orgs).
#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "db/session.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::auth {

struct ApiKeyFacts {
  ApiKeyId id;
  OrgId org;
  std::vector<std::string> scopes;
};

// What a key may be made for.
inline constexpr std::array<std::string_view, 3> kApiKeyScopes{"publish", "read", "admin"};
[[nodiscard]] bool is_api_key_scope(std::string_view scope) noexcept;

// As they stand in the database: "publish read".
[[nodiscard]] std::string join_scopes(const std::vector<std::string>& scopes);
[[nodiscard]] std::vector<std::string> split_scopes(std::string_view text);

[[nodiscard]] Result<std::optional<ApiKeyFacts>> find_api_key(db::Session& session,
                                                              std::string_view secret_hash);

}  // namespace indaba::auth
