// DjangoTokens: the tokens of Django REST framework (rest_framework.authtoken), where Django's
// tables stand in the database that is Indaba's too.
//
// Only read, never written. Nobody tells us when Django changes something there, so what was found
// is believed for a minute. The user is the same one as by a SimpleJWT token of that Django. Any
// executor. PostgreSQL only.
#pragma once

#include "auth/users.hpp"
#include "auth/versioned_cache.hpp"
#include "base/task.hpp"
#include "db/database.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace indaba::auth {

class DjangoTokens {
 public:
  // How long a socket that was opened with one lives before it has to show it again.
  static constexpr Millis kSocketLifetime = std::chrono::minutes(15);

  struct Settings {
    std::string user_table = "auth_user";  // is_table_name()
    std::string issuer;                    // of that Django's other tokens: auth.external.issuer
    bool same_numbers = false;             // auth.external_ids
  };
  // `database` and `clock` outlive this.
  DjangoTokens(Settings settings, db::Database& database, const Clock& clock);

  [[nodiscard]] static bool looks_like_one(std::string_view token) noexcept;  // 40 of 0-9, a-f
  [[nodiscard]] static bool is_table_name(std::string_view name) noexcept;

  // nullopt: there is no such token, or its user is not active.
  [[nodiscard]] Task<Result<std::optional<ExternalIdentity>>> find(std::string token);

 private:
  const Settings settings_;
  const std::string sql_;
  db::Database& database_;
  VersionedCache<std::string, ExternalIdentity> known_;  // by hash
};

}  // namespace indaba::auth
