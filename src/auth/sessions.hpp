// Sessions: the sign-ins of a user. One row stands behind a family of refresh tokens, a cookie, or
// a personal token; deleting it ends all that grew from it.
//
// A refresh token has two parts, `ir_<family>.<turn>`. The family's part never changes, the turn's
// part is new each time; the row keeps the hashes of the family and of the one turn that is not
// spent. A right family with another turn is a token that was spent before: someone has copied it,
// and the family is ended.
//
// SQL runs on a database thread; times are parameters.
#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::auth {

enum class SessionKind : std::uint8_t { tokens, cookie, personal };
[[nodiscard]] std::string_view to_string(SessionKind kind) noexcept;

struct SessionRow {
  SessionId id;
  UserId user;
  SessionKind kind = SessionKind::tokens;
  std::string label;
  std::string address;
  WallTime created_at{};
  WallTime seen_at{};
  WallTime expires_at{};
};

// What the session's owner sees of where it came from. Cut to sane lengths.
struct SessionOrigin {
  std::string label;
  std::string address;
};

// A secret as it is handed out, with what is stored of it. Made before the change, for a change may
// run twice.
struct NewSession {
  SessionKind kind = SessionKind::tokens;
  std::string secret;  // cookie, personal token, or whole refresh token: shown once
  std::string secret_hash;
  std::string refresh_hash;  // tokens alone
  SessionOrigin origin;
  Millis lifetime{};
};
[[nodiscard]] NewSession new_session(SessionKind kind, Random& random, SessionOrigin origin,
                                     Millis lifetime);

// A user's sessions are bounded: where there are more than this, the ones that were seen longest
// ago end.
inline constexpr std::int64_t kMaxSessionsPerUser = 100;

struct SessionStarted {
  SessionId id;
  std::vector<SessionId> ended;  // to make room
};
[[nodiscard]] Result<SessionStarted> start_session(db::WriteTx& tx, UserId user,
                                                   const NewSession& session, WallTime now);

[[nodiscard]] Result<std::optional<SessionRow>> find_session(db::Session& session, SessionId id);
[[nodiscard]] Result<std::optional<SessionRow>> find_session_by_secret(
    db::Session& session, SessionKind kind, std::string_view secret_hash);
[[nodiscard]] Result<std::vector<SessionRow>> list_sessions(db::Session& session, UserId user,
                                                            WallTime now);

// A refresh token's parts, hashed as they are stored.
struct RefreshToken {
  std::string family_hash;
  std::string turn_hash;
};
[[nodiscard]] std::optional<RefreshToken> parse_refresh_token(std::string_view token);
// The next token of the same family, made from the one that is being spent.
struct NextRefresh {
  std::string token;
  std::string turn_hash;
};
[[nodiscard]] NextRefresh next_refresh_token(std::string_view spent, Random& random);

struct Rotated {
  enum class Outcome : std::uint8_t { rotated, unknown, reused } outcome = Outcome::unknown;
  SessionId session;
  UserId user;
};
// Spends `token` for `next`. Reused: the family is ended in this transaction.
[[nodiscard]] Result<Rotated> rotate_refresh(db::WriteTx& tx, const RefreshToken& token,
                                             const NextRefresh& next, Millis lifetime,
                                             WallTime now);

// Ends one session, if it belongs to that user. Says whether there was one.
[[nodiscard]] Result<bool> end_session(db::WriteTx& tx, UserId user, SessionId id);
// Ends all sessions of a user but one (none: all), personal tokens aside where `keep_personal`;
// says which.
[[nodiscard]] Result<std::vector<SessionId>> end_sessions(db::WriteTx& tx, UserId user,
                                                          SessionId except, bool keep_personal);
// Gives a cookie session a new secret (fixation: what was known before a change of password must
// not be known after it).
[[nodiscard]] Result<void> replace_secret(db::WriteTx& tx, SessionId id,
                                          std::string_view secret_hash);
// Moves a cookie session's end on; called at most once an hour a session.
[[nodiscard]] Result<void> touch_session(db::WriteTx& tx, SessionId id, Millis lifetime,
                                         WallTime now);
// Ends up to `limit` sessions whose time is over, and says which.
[[nodiscard]] Result<std::vector<SessionRow>> purge_sessions(db::WriteTx& tx, WallTime now,
                                                             std::int64_t limit);

// Marks a socket token as used. False: it was used before.
[[nodiscard]] Result<bool> spend_socket_token(db::WriteTx& tx, std::string_view jti,
                                              WallTime expires_at, WallTime now);

}  // namespace indaba::auth
