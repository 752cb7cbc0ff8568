// RequestAuthenticator: all the ways in. An access token or an external token, an API key, a
// personal token, a token of Django REST framework, the session cookie; for sockets also the socket
// token, which opens a socket and nothing else.
//
// What a token is decides what is done with it, not the scheme before it (`Bearer` and `Token` are
// the same). Any executor. Errors: unauthenticated (`token_expired` where the signature was right
// and the time is over), unavailable.
#pragma once

#include "auth/access_tokens.hpp"
#include "auth/authenticator.hpp"
#include "auth/credentials.hpp"
#include "auth/django_tokens.hpp"
#include "auth/external_tokens.hpp"
#include "auth/identities.hpp"
#include "auth/socket_authenticator.hpp"
#include "base/live_ptr.hpp"

#include <memory>
#include <string>

namespace indaba::auth {

inline constexpr Millis kRefreshLifetime = std::chrono::hours(24 * 14);
inline constexpr Millis kCookieLifetime = std::chrono::hours(24 * 14);

class RequestAuthenticator final : public Authenticator, public SocketAuthenticator {
 public:
  struct Settings {
    bool query_token = false;  // auth.query_token: any token may stand in a socket's URL
  };

  // All must outlive this; `external` may be null.
  RequestAuthenticator(Settings settings, Identities& identities, const TokenMint& mint,
                       std::shared_ptr<ExternalVerifier> external, db::Database& database,
                       const Clock& clock)
      : settings_(settings),
        identities_(identities),
        mint_(mint),
        external_(std::move(external)),
        database_(database),
        clock_(clock) {}

  // Other keys for external tokens, from now on; any thread. What was verified before stays.
  void replace_external(std::shared_ptr<ExternalVerifier> external) {
    external_.store(std::move(external));
  }

  // Before the first request.
  void accept_django_tokens(std::unique_ptr<DjangoTokens> tokens) {
    django_tokens_ = std::move(tokens);
  }

  Task<Result<Principal>> authenticate(const http::Request& request) override;

  // A principal that comes back may have ended meanwhile: whoever registers it somewhere asks
  // still_valid() once more after that.
  Task<Result<Principal>> authenticate_socket(const http::Request& request) override;
  Task<Result<Principal>> authenticate_socket_token(std::string token) override;

  // In memory; made for every frame.
  [[nodiscard]] bool still_valid(const Principal& principal, WallTime now) const {
    return identities_.still_valid(principal, now);
  }

 private:
  Task<Result<Principal>> from_credentials(Credentials credentials);
  Task<Result<Principal>> from_token(std::string token);
  Task<Result<Principal>> from_access(AccessClaims claims);
  Task<Result<Principal>> from_socket_token(SocketClaims claims);
  Task<Result<Principal>> from_external(std::shared_ptr<ExternalVerifier> external,
                                        std::string token);
  Task<Result<Principal>> from_django_token(std::string token);
  Task<Result<Principal>> from_session_secret(SessionKind kind, std::string secret);
  Task<Result<Principal>> from_api_key(std::string secret);
  Task<Result<Principal>> for_user(UserId id, CredentialKind credential);

  const Settings settings_;
  Identities& identities_;
  const TokenMint& mint_;
  LivePtr<ExternalVerifier> external_;
  std::unique_ptr<DjangoTokens> django_tokens_;  // may be null
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace indaba::auth
