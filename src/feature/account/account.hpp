// Accounts: the face of this feature. Signing up and in, one's own profile and sessions, passwords,
// blocking.
//
// The functions run inside a read or a write on a database thread; the command line and the demo
// use them too, with secrets and hashes that were made before, for a change may run twice.
#pragma once

#include "api/access_changes.hpp"
#include "auth/identities.hpp"
#include "auth/sessions.hpp"
#include "auth/users.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "db/database.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::account {

// 422 with the field, unless the name, the address or the locale is well-formed.
[[nodiscard]] Result<void> check_username(std::string_view username);
[[nodiscard]] Result<void> check_email(std::string_view email);
[[nodiscard]] Result<void> check_locale(std::string_view locale);
[[nodiscard]] Result<void> check_time_zone(std::string_view time_zone);

// A local user. `password_hash` from auth::blocking_hash_password or auth::PasswordHasher; a name
// that is taken is a conflict.
[[nodiscard]] Result<auth::User> create_account(db::WriteTx& tx, const auth::NewUser& user,
                                                const Clock& clock, Random& random);
// Ends all sessions but `except` (none: all) and says which; forgotten-password links are over too.
[[nodiscard]] Result<std::vector<SessionId>> set_password(db::WriteTx& tx,
                                                          const api::AccessChanges& changes,
                                                          UserId user,
                                                          std::string_view password_hash,
                                                          SessionId except);
// `indaba token create`: a personal token. `session` from auth::new_session(SessionKind::personal,
// …), whose `secret` is the token.
[[nodiscard]] Result<auth::SessionStarted> create_personal_token(db::WriteTx& tx,
                                                                 const api::AccessChanges& changes,
                                                                 std::string_view username,
                                                                 const auth::NewSession& session,
                                                                 WallTime now);

// For sessions whose rows are gone: tells the user's own stream (`session_ended`, one event each),
// and everybody whose access ends with them.
[[nodiscard]] Result<void> sessions_ended(db::WriteTx& tx, const api::AccessChanges& changes,
                                          UserId user, std::span<const SessionId> sessions);

// auth::start_session and auth::end_session, with the event for the user, and everybody told whose
// access ends with it.
[[nodiscard]] Result<auth::SessionStarted> start_session(db::WriteTx& tx,
                                                         const api::AccessChanges& changes,
                                                         UserId user,
                                                         const auth::NewSession& session,
                                                         WallTime now);
[[nodiscard]] Result<bool> end_session(db::WriteTx& tx, const api::AccessChanges& changes,
                                       UserId user, SessionId id);

// Has one of the two blocked the other? Then neither messages, mentions nor presence pass between
// them.
[[nodiscard]] Result<bool> is_blocked_between(db::Session& session, UserId one, UserId other);
// Whom `user` has blocked, and who has blocked `user`.
[[nodiscard]] Result<std::vector<UserId>> list_blocked_around(db::Session& session, UserId user);

// Makes what `identities` knows follow what `changes` tells. At start-up, before anything else
// listens.
void follow(api::AccessChanges& changes, auth::Identities& identities);

}  // namespace indaba::account
