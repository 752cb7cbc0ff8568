// The SQL of accounts, for this feature alone; what all of the program asks about users and
// sessions stands in auth/.
#pragma once

#include "auth/users.hpp"
#include "db/database.hpp"

#include <optional>
#include <string>
#include <vector>

namespace indaba::account::queries {

[[nodiscard]] Result<void> set_hash(db::Session& session, UserId user, std::string_view hash);
// Only where the stored hash is still `old_hash`: a hash that is merely renewed must not undo a
// change of password.
[[nodiscard]] Result<void> renew_hash(db::Session& session, UserId user, std::string_view old_hash,
                                      std::string_view new_hash);
[[nodiscard]] Result<void> update_profile(db::Session& session, const auth::User& user);
// Leaves the row, without anything that tells who it was.
[[nodiscard]] Result<void> anonymise(db::Session& session, UserId user, WallTime now);

[[nodiscard]] Result<void> block(db::Session& session, UserId user, UserId blocked, WallTime now);
[[nodiscard]] Result<void> unblock(db::Session& session, UserId user, UserId blocked);

struct ResetUser {
  UserId id;
  std::string email;
  std::string locale;
};
// Active users with a password and an address, by name or by address; at most five of one address.
[[nodiscard]] Result<std::vector<ResetUser>> find_reset_users(db::Session& session,
                                                              std::string_view username,
                                                              std::string_view email);
[[nodiscard]] Result<void> insert_reset(db::Session& session, UserId user,
                                        std::string_view token_hash, WallTime now,
                                        WallTime expires_at);
[[nodiscard]] Result<std::optional<UserId>> find_reset(db::Session& session,
                                                       std::string_view token_hash, WallTime now);
[[nodiscard]] Result<void> delete_resets(db::Session& session, UserId user);
[[nodiscard]] Result<void> purge_resets(db::Session& session, WallTime now);

}  // namespace indaba::account::queries
