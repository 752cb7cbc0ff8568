#include "auth/sessions.hpp"

#include "auth/secrets.hpp"
#include "base/text.hpp"

namespace indaba::auth {

namespace {

constexpr std::size_t kMaxLabelChars = 200;
constexpr std::size_t kMaxAddressBytes = 64;
constexpr std::size_t kMaxRefreshBytes = 256;

constexpr std::string_view kInsertSession =
    "INSERT INTO sessions (user_id, kind, secret_hash, refresh_hash, label, address, created_at, "
    "seen_at, expires_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8) RETURNING id";
constexpr std::string_view kDropOverCount =
    "DELETE FROM sessions WHERE user_id = $1 AND id IN "
    "(SELECT id FROM sessions WHERE user_id = $1 AND id <> $2 ORDER BY seen_at DESC, id DESC LIMIT "
    "1000 OFFSET $3) RETURNING id";

#define INDABA_SESSION_COLUMNS "id, user_id, kind, label, address, created_at, seen_at, expires_at"
constexpr std::string_view kSessionById =
    "SELECT " INDABA_SESSION_COLUMNS " FROM sessions WHERE id = $1";
constexpr std::string_view kSessionBySecret =
    "SELECT " INDABA_SESSION_COLUMNS " FROM sessions WHERE secret_hash = $1 AND kind = $2";
constexpr std::string_view kSessionsOfUser =
    "SELECT " INDABA_SESSION_COLUMNS
    " FROM sessions WHERE user_id = $1 AND expires_at > $2 ORDER BY seen_at DESC, id DESC";
constexpr std::string_view kPurgeSessions =
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= $1 LIMIT $2) "
    "RETURNING " INDABA_SESSION_COLUMNS;
#undef INDABA_SESSION_COLUMNS

constexpr std::string_view kFamily =
    "SELECT id, user_id, refresh_hash, expires_at FROM sessions WHERE secret_hash = $1 AND kind = "
    "'tokens'";
constexpr std::string_view kTurn =
    "UPDATE sessions SET refresh_hash = $2, seen_at = $3, expires_at = $4 WHERE id = $1";
constexpr std::string_view kEndSession = "DELETE FROM sessions WHERE id = $1 AND user_id = $2";
constexpr std::string_view kEndSessions =
    "DELETE FROM sessions WHERE user_id = $1 AND id <> $2 AND (kind <> 'personal' OR $3 = 0) "
    "RETURNING id";
constexpr std::string_view kReplaceSecret =
    "UPDATE sessions SET secret_hash = $2 WHERE id = $1 AND kind = 'cookie'";
constexpr std::string_view kTouch =
    "UPDATE sessions SET seen_at = $2, expires_at = $3 WHERE id = $1 AND kind = 'cookie'";

constexpr std::string_view kForgetSpent =
    "DELETE FROM spent_socket_tokens WHERE jti IN (SELECT jti FROM spent_socket_tokens WHERE "
    "expires_at < $1 LIMIT 20)";
constexpr std::string_view kSpend =
    "INSERT INTO spent_socket_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO "
    "NOTHING";

SessionKind parse_kind(std::string_view text) noexcept {
  if (text == "cookie") return SessionKind::cookie;
  if (text == "personal") return SessionKind::personal;
  return SessionKind::tokens;
}

SessionRow read_session(const db::Row& r) {
  return {r.id<SessionId>(0),
          r.id<UserId>(1),
          parse_kind(r.text(2)),
          r.string(3),
          r.string(4),
          from_millis(r.int64(5)),
          from_millis(r.int64(6)),
          from_millis(r.int64(7))};
}

struct Family {
  SessionId id;
  UserId user;
  std::string turn_hash;
  WallTime expires_at{};
};

std::string_view family_part(std::string_view token) {
  return token.substr(0, token.find('.'));
}

std::string_view prefix_of(SessionKind kind) noexcept {
  switch (kind) {
    case SessionKind::tokens:
      return kRefreshPrefix;
    case SessionKind::cookie:
      return kCookiePrefix;
    case SessionKind::personal:
      return kPersonalTokenPrefix;
  }
  return {};
}

}  // namespace

std::string_view to_string(SessionKind kind) noexcept {
  switch (kind) {
    case SessionKind::tokens:
      return "tokens";
    case SessionKind::cookie:
      return "cookie";
    case SessionKind::personal:
      return "personal";
  }
  return {};
}

NewSession new_session(SessionKind kind, Random& random, SessionOrigin origin, Millis lifetime) {
  NewSession made;
  made.kind = kind;
  made.secret = new_secret(random, prefix_of(kind));
  made.secret_hash = hash_secret(made.secret);
  if (kind == SessionKind::tokens) {
    auto first = next_refresh_token(made.secret, random);
    made.secret = std::move(first.token);
    made.refresh_hash = std::move(first.turn_hash);
  }
  origin.label = text::is_utf8(origin.label)
                     ? std::string(text::first_code_points(origin.label, kMaxLabelChars))
                     : "";
  origin.address.resize(std::min(origin.address.size(), kMaxAddressBytes));
  made.origin = std::move(origin);
  made.lifetime = lifetime;
  return made;
}

Result<SessionStarted> start_session(db::WriteTx& tx, UserId user, const NewSession& session,
                                     WallTime now) {
  std::optional<std::string_view> refresh;
  if (session.kind == SessionKind::tokens) refresh = session.refresh_hash;
  INDABA_TRY(const auto id,
             tx.sql().first<SessionId>(
                 kInsertSession, [](const db::Row& r) { return r.id<SessionId>(0); }, user,
                 to_string(session.kind), session.secret_hash, refresh, session.origin.label,
                 session.origin.address, to_millis(now), to_millis(now + session.lifetime)));
  if (!id) return Error::internal("a session was not inserted");
  INDABA_TRY(auto ended, tx.sql().all<SessionId>(
                             kDropOverCount, [](const db::Row& r) { return r.id<SessionId>(0); },
                             user, *id, kMaxSessionsPerUser - 1));
  return SessionStarted{*id, std::move(ended)};
}

Result<std::optional<SessionRow>> find_session(db::Session& session, SessionId id) {
  return session.first<SessionRow>(kSessionById, read_session, id);
}

Result<std::optional<SessionRow>> find_session_by_secret(db::Session& session, SessionKind kind,
                                                         std::string_view secret_hash) {
  return session.first<SessionRow>(kSessionBySecret, read_session, secret_hash, to_string(kind));
}

Result<std::vector<SessionRow>> list_sessions(db::Session& session, UserId user, WallTime now) {
  return session.all<SessionRow>(kSessionsOfUser, read_session, user, to_millis(now));
}

std::optional<RefreshToken> parse_refresh_token(std::string_view token) {
  if (token.size() > kMaxRefreshBytes || !token.starts_with(kRefreshPrefix)) return std::nullopt;
  const auto family = family_part(token);
  if (family.size() == token.size()) return std::nullopt;
  return RefreshToken{hash_secret(family), hash_secret(token.substr(family.size() + 1))};
}

NextRefresh next_refresh_token(std::string_view spent, Random& random) {
  const std::string turn = new_secret(random);
  return {std::string(family_part(spent)) + "." + turn, hash_secret(turn)};
}

Result<Rotated> rotate_refresh(db::WriteTx& tx, const RefreshToken& token, const NextRefresh& next,
                               Millis lifetime, WallTime now) {
  const auto read_family = [](const db::Row& r) {
    return Family{r.id<SessionId>(0), r.id<UserId>(1), r.string(2), from_millis(r.int64(3))};
  };
  INDABA_TRY(const auto family, tx.sql().first<Family>(kFamily, read_family, token.family_hash));
  if (!family || family->expires_at <= now) return Rotated{};
  if (family->turn_hash != token.turn_hash) {
    INDABA_TRY_VOID(tx.sql().execute(kEndSession, family->id, family->user));
    return Rotated{Rotated::Outcome::reused, family->id, family->user};
  }
  INDABA_TRY_VOID(tx.sql().execute(kTurn, family->id, next.turn_hash, to_millis(now),
                                   to_millis(now + lifetime)));
  return Rotated{Rotated::Outcome::rotated, family->id, family->user};
}

Result<bool> end_session(db::WriteTx& tx, UserId user, SessionId id) {
  INDABA_TRY_VOID(tx.sql().execute(kEndSession, id, user));
  return tx.sql().changed() > 0;
}

Result<std::vector<SessionId>> end_sessions(db::WriteTx& tx, UserId user, SessionId except,
                                            bool keep_personal) {
  return tx.sql().all<SessionId>(
      kEndSessions, [](const db::Row& r) { return r.id<SessionId>(0); }, user, except.value,
      keep_personal);
}

Result<void> replace_secret(db::WriteTx& tx, SessionId id, std::string_view secret_hash) {
  return tx.sql().execute(kReplaceSecret, id, secret_hash);
}

Result<void> touch_session(db::WriteTx& tx, SessionId id, Millis lifetime, WallTime now) {
  return tx.sql().execute(kTouch, id, to_millis(now), to_millis(now + lifetime));
}

Result<std::vector<SessionRow>> purge_sessions(db::WriteTx& tx, WallTime now, std::int64_t limit) {
  return tx.sql().all<SessionRow>(kPurgeSessions, read_session, to_millis(now), limit);
}

Result<bool> spend_socket_token(db::WriteTx& tx, std::string_view jti, WallTime expires_at,
                                WallTime now) {
  INDABA_TRY_VOID(tx.sql().execute(kForgetSpent, to_millis(now)));
  INDABA_TRY_VOID(tx.sql().execute(kSpend, jti, to_millis(expires_at)));
  return tx.sql().changed() > 0;
}

}  // namespace indaba::auth
