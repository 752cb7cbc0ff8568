#include "auth/api_keys.hpp"

#include "base/text.hpp"

namespace indaba::auth {

namespace {

constexpr std::string_view kKeyBySecret =
    "SELECT id, org_id, scopes FROM api_keys WHERE secret_hash = $1";

}  // namespace

bool is_api_key_scope(std::string_view scope) noexcept {
  return std::find(kApiKeyScopes.begin(), kApiKeyScopes.end(), scope) != kApiKeyScopes.end();
}

std::string join_scopes(const std::vector<std::string>& scopes) {
  return fmt::format("{}", fmt::join(scopes, " "));
}

std::vector<std::string> split_scopes(std::string_view joined) {
  std::vector<std::string> out;
  for (const auto part : text::split(joined, ' '))
    if (!part.empty()) out.emplace_back(part);
  return out;
}

Result<std::optional<ApiKeyFacts>> find_api_key(db::Session& session,
                                                std::string_view secret_hash) {
  return session.first<ApiKeyFacts>(
      kKeyBySecret,
      [](const db::Row& r) {
        return ApiKeyFacts{r.id<ApiKeyId>(0), r.id<OrgId>(1), split_scopes(r.text(2))};
      },
      secret_hash);
}

}  // namespace indaba::auth
