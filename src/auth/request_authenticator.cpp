#include "auth/request_authenticator.hpp"

#include "auth/secrets.hpp"

namespace indaba::auth {

Task<Result<Principal>> RequestAuthenticator::authenticate(const http::Request& request) {
  co_return co_await from_credentials(read_credentials(request));
}

Task<Result<Principal>> RequestAuthenticator::authenticate_socket(const http::Request& request) {
  auto credentials = read_socket_credentials(request);
  using Source = Credentials::Source;
  if (credentials.source == Source::none || credentials.source == Source::broken ||
      credentials.source == Source::cookie)
    co_return co_await from_credentials(std::move(credentials));
  if (credentials.source == Source::query && !settings_.query_token) {
    // URLs are written down in too many places for a token that lives longer than a minute.
    auto claims = mint_.read_socket(credentials.token);
    if (!claims) co_return std::move(claims).error();
    co_return co_await from_socket_token(*std::move(claims));
  }
  co_return co_await authenticate_socket_token(std::move(credentials.token));
}

Task<Result<Principal>> RequestAuthenticator::authenticate_socket_token(std::string token) {
  auto claims = mint_.read_socket(token);
  if (claims) co_return co_await from_socket_token(*std::move(claims));
  if (claims.error().code == token_expired().code) co_return std::move(claims).error();
  co_return co_await from_token(std::move(token));
}

Task<Result<Principal>> RequestAuthenticator::from_credentials(Credentials credentials) {
  switch (credentials.source) {
    case Credentials::Source::none:
      co_return Principal{};
    case Credentials::Source::broken:
      co_return not_authenticated();
    case Credentials::Source::cookie:
      co_return co_await from_session_secret(SessionKind::cookie, std::move(credentials.token));
    case Credentials::Source::header:
    case Credentials::Source::subprotocol:
    case Credentials::Source::query:
      break;
  }
  co_return co_await from_token(std::move(credentials.token));
}

Task<Result<Principal>> RequestAuthenticator::from_token(std::string token) {
  if (token.starts_with(kApiKeyPrefix)) co_return co_await from_api_key(std::move(token));
  if (token.starts_with(kPersonalTokenPrefix))
    co_return co_await from_session_secret(SessionKind::personal, std::move(token));
  if (django_tokens_ && DjangoTokens::looks_like_one(token))
    co_return co_await from_django_token(std::move(token));
  if (!looks_like_jwt(token)) co_return not_authenticated();
  auto ours = mint_.read_access(token);
  if (ours) co_return co_await from_access(*ours);
  auto external = external_.load();
  if (external == nullptr || ours.error().code == token_expired().code)
    co_return std::move(ours).error();
  co_return co_await from_external(std::move(external), std::move(token));
}

Task<Result<Principal>> RequestAuthenticator::from_access(AccessClaims claims) {
  INDABA_CO_TRY(const auto session, co_await identities_.session(claims.session));
  if (!session || session->user != claims.user) co_return not_authenticated();
  auto principal = co_await for_user(claims.user, CredentialKind::access_token);
  if (principal) principal->session = session->id;
  co_return principal;
}

Task<Result<Principal>> RequestAuthenticator::from_socket_token(SocketClaims claims) {
  if (claims.session) {
    INDABA_CO_TRY(const auto session, co_await identities_.session(claims.session));
    if (!session || session->user != claims.user) co_return not_authenticated();
  }
  INDABA_CO_TRY(auto principal, co_await for_user(claims.user, CredentialKind::socket_token));
  principal.session = claims.session;
  principal.expires_at = claims.ends_at;
  principal.streams = std::move(claims.streams);
  const WallTime now = clock_.wall();
  auto change = [jti = claims.jti, ends = claims.token_expires_at, now](db::WriteTx& tx) {
    return spend_socket_token(tx, jti, ends, now);
  };
  auto writing = database_.write(db::Shard(0), change);
  INDABA_CO_TRY(const auto first_use, co_await writing);
  if (!first_use.value) co_return not_authenticated();
  co_return principal;
}

Task<Result<Principal>> RequestAuthenticator::from_external(
    std::shared_ptr<ExternalVerifier> external, std::string token) {
  INDABA_CO_TRY(auto verified, co_await external->verify(std::move(token)));
  INDABA_CO_TRY(const auto user, co_await identities_.external(std::move(verified.identity)));
  INDABA_CO_TRY(auto principal, co_await for_user(user, CredentialKind::external_token));
  principal.expires_at = verified.expires_at;
  principal.streams = std::move(verified.streams);
  co_return principal;
}

Task<Result<Principal>> RequestAuthenticator::from_django_token(std::string token) {
  INDABA_CO_TRY(auto identity, co_await django_tokens_->find(std::move(token)));
  if (!identity) co_return not_authenticated();
  INDABA_CO_TRY(const auto user, co_await identities_.external(*std::move(identity)));
  INDABA_CO_TRY(auto principal, co_await for_user(user, CredentialKind::external_token));
  // It has no end of its own, and nobody says when Django takes it back.
  principal.expires_at = clock_.wall() + DjangoTokens::kSocketLifetime;
  co_return principal;
}

Task<Result<Principal>> RequestAuthenticator::from_session_secret(SessionKind kind,
                                                                  std::string secret) {
  INDABA_CO_TRY(auto session, co_await identities_.session_by_secret(kind, std::move(secret)));
  if (!session) co_return not_authenticated();
  const bool cookie = kind == SessionKind::cookie;
  INDABA_CO_TRY(auto principal,
                co_await for_user(session->user, cookie ? CredentialKind::session_cookie
                                                        : CredentialKind::personal_token));
  principal.session = session->id;
  if (!cookie) principal.expires_at = session->expires_at;
  co_await identities_.keep_alive(*std::move(session), kCookieLifetime);
  co_return principal;
}

Task<Result<Principal>> RequestAuthenticator::from_api_key(std::string secret) {
  INDABA_CO_TRY(auto key, co_await identities_.api_key(std::move(secret)));
  if (!key) co_return not_authenticated();
  Principal principal;
  principal.kind = PrincipalKind::api_key;
  principal.credential = CredentialKind::api_key;
  principal.api_key = key->id;
  principal.key_org = key->org;
  principal.scopes = std::move(key->scopes);
  co_return principal;
}

Task<Result<Principal>> RequestAuthenticator::for_user(UserId id, CredentialKind credential) {
  INDABA_CO_TRY(auto facts, co_await identities_.user(id));
  if (!facts) co_return not_authenticated();
  Principal principal;
  principal.kind = PrincipalKind::user;
  principal.credential = credential;
  principal.user = id;
  principal.username = std::move(facts->username);
  principal.superuser = facts->superuser;
  principal.locale = std::move(facts->locale);
  co_return principal;
}

}  // namespace indaba::auth
