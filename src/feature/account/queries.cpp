#include "feature/account/queries.hpp"

#include "base/text.hpp"
#include "feature/account/account.hpp"

namespace indaba::account {

namespace {

constexpr std::string_view kSetHash =
    "UPDATE users SET password_hash = $2 WHERE id = $1 AND active = 1";
constexpr std::string_view kRenewHash =
    "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
constexpr std::string_view kUpdateProfile =
    "UPDATE users SET display_name = $2, email = $3, email_key = $4, locale = $5, time_zone = $6, "
    "quiet_start = $7, "
    "quiet_end = $8 WHERE id = $1 AND active = 1";
// "~" is in no name that a user can choose.
constexpr std::string_view kAnonymise =
    "UPDATE users SET username = 'deleted~' || id, username_key = 'deleted~' || id, display_name = "
    "'Deleted user', email = NULL, "
    "email_key = NULL, locale = 'en', time_zone = 'UTC', quiet_start = NULL, quiet_end = NULL, "
    "avatar = NULL, "
    "password_hash = NULL, superuser = 0, active = 0, issuer = NULL, subject = NULL, deleted_at = "
    "$2 WHERE id = $1";
constexpr std::string_view kForgetBlocks =
    "DELETE FROM user_blocks WHERE user_id = $1 OR blocked_id = $1";

constexpr std::string_view kBlock =
    "INSERT INTO user_blocks (user_id, blocked_id, created_at) VALUES ($1, $2, $3) ON CONFLICT "
    "(user_id, blocked_id) DO NOTHING";
constexpr std::string_view kUnblock =
    "DELETE FROM user_blocks WHERE user_id = $1 AND blocked_id = $2";
constexpr std::string_view kBlockedBetween =
    "SELECT 1 FROM user_blocks WHERE (user_id = $1 AND blocked_id = $2) OR (user_id = $2 AND "
    "blocked_id = $1) LIMIT 1";
constexpr std::string_view kBlockedAround =
    "SELECT blocked_id FROM user_blocks WHERE user_id = $1 UNION SELECT user_id FROM user_blocks "
    "WHERE blocked_id = $1";

constexpr std::string_view kResetUsers =
    "SELECT id, email, locale FROM users WHERE (username_key = $1 OR email_key = $2) AND active = "
    "1 "
    "AND password_hash IS NOT NULL AND email IS NOT NULL LIMIT 5";
constexpr std::string_view kInsertReset =
    "INSERT INTO password_resets (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, "
    "$4)";
constexpr std::string_view kReset =
    "SELECT user_id FROM password_resets WHERE token_hash = $1 AND expires_at > $2";
constexpr std::string_view kDeleteResets = "DELETE FROM password_resets WHERE user_id = $1";
constexpr std::string_view kPurgeResets = "DELETE FROM password_resets WHERE expires_at <= $1";

}  // namespace

Result<bool> is_blocked_between(db::Session& session, UserId one, UserId other) {
  INDABA_TRY(const auto found,
             session.first<std::int64_t>(
                 kBlockedBetween, [](const db::Row& r) { return r.int64(0); }, one, other));
  return found.has_value();
}

Result<std::vector<UserId>> list_blocked_around(db::Session& session, UserId user) {
  return session.all<UserId>(
      kBlockedAround, [](const db::Row& r) { return r.id<UserId>(0); }, user);
}

namespace queries {

Result<void> set_hash(db::Session& session, UserId user, std::string_view hash) {
  return session.execute(kSetHash, user, hash);
}

Result<void> renew_hash(db::Session& session, UserId user, std::string_view old_hash,
                        std::string_view new_hash) {
  return session.execute(kRenewHash, user, old_hash, new_hash);
}

Result<void> update_profile(db::Session& session, const auth::User& user) {
  const auto email_key = user.email ? std::optional(text::to_lower(*user.email)) : std::nullopt;
  return session.execute(kUpdateProfile, user.id, user.display_name, user.email, email_key,
                         user.locale, user.time_zone, user.quiet_start, user.quiet_end);
}

Result<void> anonymise(db::Session& session, UserId user, WallTime now) {
  INDABA_TRY_VOID(session.execute(kForgetBlocks, user));
  INDABA_TRY_VOID(delete_resets(session, user));
  return session.execute(kAnonymise, user, to_millis(now));
}

Result<void> block(db::Session& session, UserId user, UserId blocked, WallTime now) {
  return session.execute(kBlock, user, blocked, to_millis(now));
}

Result<void> unblock(db::Session& session, UserId user, UserId blocked) {
  return session.execute(kUnblock, user, blocked);
}

Result<std::vector<ResetUser>> find_reset_users(db::Session& session, std::string_view username,
                                                std::string_view email) {
  const auto key = [](std::string_view text) {
    return text.empty() ? std::nullopt : std::optional(text::to_lower(text));
  };
  return session.all<ResetUser>(
      kResetUsers,
      [](const db::Row& r) { return ResetUser{r.id<UserId>(0), r.string(1), r.string(2)}; },
      key(username), key(email));
}

Result<void> insert_reset(db::Session& session, UserId user, std::string_view token_hash,
                          WallTime now, WallTime expires_at) {
  return session.execute(kInsertReset, token_hash, user, to_millis(now), to_millis(expires_at));
}

Result<std::optional<UserId>> find_reset(db::Session& session, std::string_view token_hash,
                                         WallTime now) {
  return session.first<UserId>(
      kReset, [](const db::Row& r) { return r.id<UserId>(0); }, token_hash, to_millis(now));
}

Result<void> delete_resets(db::Session& session, UserId user) {
  return session.execute(kDeleteResets, user);
}

Result<void> purge_resets(db::Session& session, WallTime now) {
  return session.execute(kPurgeResets, to_millis(now));
}

}  // namespace queries

}  // namespace indaba::account
