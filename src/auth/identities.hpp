// Identities: who is behind a session, a secret or a number, from memory where it is known and from
// the database where it is not.
//
// A request of somebody who was here a minute ago costs no query. Whoever changes what stands here
// says so after the commit (session_ended, user_changed, …), on any thread; awaiting happens on an
// executor. Entries are bounded in number and age, so that even a change that nobody told of
// is seen after a while.
#pragma once

#include "auth/api_keys.hpp"
#include "auth/principal.hpp"
#include "auth/revocations.hpp"
#include "auth/sessions.hpp"
#include "auth/users.hpp"
#include "auth/versioned_cache.hpp"
#include "base/task.hpp"
#include "db/database.hpp"

#include <optional>
#include <string>

namespace indaba::auth {

class Identities {
 public:
  struct UserFacts {
    std::string username;
    std::string display_name;
    std::string locale;
    bool superuser = false;
    StreamId me_stream;
  };
  struct SessionFacts {
    SessionId id;
    UserId user;
    SessionKind kind = SessionKind::tokens;
    std::string secret_hash;  // known only where the session was found by it
    WallTime seen_at{};
    WallTime expires_at{};
  };

  // All must outlive this.
  Identities(db::Database& database, const Clock& clock, Random& random,
             Millis believed = kBelievedAlone);
  Identities(const Identities&) = delete;
  Identities& operator=(const Identities&) = delete;

  // nullopt: there is none (any more), or it is not active, or its time is over.
  [[nodiscard]] Task<Result<std::optional<UserFacts>>> user(UserId id);
  [[nodiscard]] Task<Result<std::optional<SessionFacts>>> session(SessionId id);
  [[nodiscard]] Task<Result<std::optional<SessionFacts>>> session_by_secret(SessionKind kind,
                                                                            std::string secret);
  [[nodiscard]] Task<Result<std::optional<ApiKeyFacts>>> api_key(std::string secret);
  // The user behind an external identity; a row is made on first sight.
  [[nodiscard]] Task<Result<UserId>> external(ExternalIdentity identity);

  // After the commit of what they say.
  void forget_all();  // something, and nobody knows what
  void session_ended(SessionId id);
  void session_changed(SessionId id);  // its end or its secret is another one now
  void user_changed(UserId id);
  void user_disabled(UserId id);
  void api_key_ended(ApiKeyId id);

  [[nodiscard]] bool still_valid(const Principal& principal, WallTime now) const {
    return revocations_.still_valid(principal, now);
  }
  // Moves the end of a cookie session on where that is due (once an hour).
  [[nodiscard]] Task<void> keep_alive(SessionFacts session, Millis lifetime);

 private:
  db::Database& database_;
  const Clock& clock_;
  Random& random_;
  Revocations revocations_;
  VersionedCache<UserId, UserFacts> users_;
  VersionedCache<SessionId, SessionFacts> sessions_;
  VersionedCache<std::string, SessionFacts> secrets_;  // by kind and hash
  VersionedCache<std::string, ApiKeyFacts> keys_;      // by hash
  VersionedCache<std::string, UserId> externals_;      // by issuer and subject
};

}  // namespace indaba::auth
