// Signing up, in and out: names and passwords in, tokens and cookies out.
#include "auth/credentials.hpp"
#include "auth/request_authenticator.hpp"
#include "auth/secrets.hpp"
#include "base/text.hpp"
#include "feature/account/queries.hpp"
#include "feature/account/service.hpp"

namespace indaba::account {

namespace {

constexpr Millis kFailureWindow = std::chrono::minutes(15);

Error wrong_credentials() {
  return Error(ErrorKind::unauthenticated, "invalid_credentials",
               "The user name or the password is wrong.");
}

auth::SessionOrigin origin_of(const http::Request& request) {
  return {std::string(request.headers.find("user-agent").value_or("")), request.client_address};
}

Error too_many_failures(const api::RateVerdict& rate) {
  return Error::rate_limited("Too many wrong passwords for this account; wait a little.",
                             rate.limit, rate.reset);
}

}  // namespace

SignedIn Accounts::signed_in(UserId user, SessionId session, std::string refresh,
                             Profile profile) const {
  return {parts_.mint.access_token(user, session), std::move(refresh),
          auth::kAccessLifetime.count(), std::move(profile)};
}

Task<Result<auth::User>> Accounts::prove(std::string username, std::string password) {
  if (password.size() > auth::kMaxPasswordBytes)
    co_return Error::invalid_field("password", "A password has at most 1024 bytes.", "too_long");
  if (!auth::is_username(username)) username.clear();  // nobody's, but it takes its time
  // Counted before it is tried and forgotten where it was right, so that many tries at once are not
  // all the first one.
  const std::string key = "failures:" + text::to_lower(username);
  if (const auto verdict = parts_.limiter.take(key, {settings_.password_failures, kFailureWindow});
      !verdict.allowed && !username.empty())
    co_return too_many_failures(verdict);
  auto query = [username](db::Session& session) {
    return auth::find_user_by_name(session, username);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(auto user, co_await reading);
  const bool can_sign_in = user && user->active;
  auto verifying =
      parts_.hasher.verify(can_sign_in ? user->password_hash : std::string(), std::move(password));
  auto verdict = co_await verifying;
  if (!verdict) {
    parts_.limiter.forget(key);  // too busy to look is no failure
    co_return std::move(verdict).error();
  }
  if (!verdict->right) co_return wrong_credentials();
  parts_.limiter.forget(key);
  if (!verdict->better_hash.empty()) {
    auto change = [id = user->id, old_hash = user->password_hash,
                   better = verdict->better_hash](db::WriteTx& tx) {
      return queries::renew_hash(tx.sql(), id, old_hash, better);
    };
    auto writing = parts_.database.write(db::Shard(0), change);
    static_cast<void>(co_await writing);  // the next sign-in tries again
    user->password_hash = verdict->better_hash;
  }
  co_return *std::move(user);
}

Task<Result<Accounts::Started>> Accounts::start(auth::User user, auth::NewSession session) {
  auto change = [this, user, session = std::move(session),
                 now = parts_.clock.wall()](db::WriteTx& tx) -> Result<Started> {
    // Between the check and this change the password may have become another one, or the user
    // nobody.
    INDABA_TRY(const auto current, auth::find_user(tx.sql(), user.id));
    if (!current || !current->active || current->password_hash != user.password_hash)
      return wrong_credentials();
    INDABA_TRY(auto started, account::start_session(tx, parts_.changes, user.id, session, now));
    INDABA_TRY(auto profile, load_profile(tx.sql(), user.id));
    return Started{std::move(started), std::move(profile)};
  };
  auto writing = parts_.database.write(db::Shard(0), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<api::Reply<SignedIn>>> Accounts::sign_up(api::Call<Register> call) {
  const bool closed = settings_.registration == Registration::closed || settings_.external_ids;
  if (closed)
    co_return Error(ErrorKind::forbidden, "registration_closed", "Registration is closed.");
  const Register& body = call.body;
  if (settings_.registration == Registration::invite && !body.invite)
    co_return Error(ErrorKind::forbidden, "invite_required", "Registration needs an invitation.");
  INDABA_CO_TRY_VOID(check_username(body.username));
  INDABA_CO_TRY_VOID(auth::check_new_password(body.password, body.username, "password"));
  if (body.email) {
    INDABA_CO_TRY_VOID(check_email(*body.email));
  }
  if (body.locale) {
    INDABA_CO_TRY_VOID(check_locale(*body.locale));
  }
  auto hashing = parts_.hasher.hash(body.password);
  INDABA_CO_TRY(auto hash, co_await hashing);

  auth::NewUser user;
  user.username = body.username;
  if (body.display_name) user.display_name = body.display_name->str();
  user.email = body.email;
  user.locale = body.locale.value_or("en");
  user.password_hash = std::move(hash);
  auto session = auth::new_session(auth::SessionKind::tokens, parts_.random,
                                   origin_of(call.request), auth::kRefreshLifetime);
  const std::string refresh = session.secret;
  auto change = [this, user, session, invite = body.invite](db::WriteTx& tx) -> Result<Started> {
    INDABA_TRY(const auto created, create_account(tx, user, parts_.clock, parts_.random));
    if (invite) {
      auto joined = orgs::use_invite(tx, *invite, {created.id, created.username}, parts_.clock);
      if (!joined && joined.error().kind == ErrorKind::not_found)
        return Error::invalid_field("invite", joined.error().detail);
      if (!joined) return std::move(joined).error();
    }
    INDABA_TRY(auto started, account::start_session(tx, parts_.changes, created.id, session,
                                                    parts_.clock.wall()));
    INDABA_TRY(auto profile, load_profile(tx.sql(), created.id));
    return Started{std::move(started), std::move(profile)};
  };
  auto writing = parts_.database.write(db::Shard(0), change);
  INDABA_CO_TRY(auto written, co_await writing);
  auto& [started, profile] = written.value;
  const UserId id = profile.id;
  co_return api::created(signed_in(id, started.id, refresh, std::move(profile)));
}

Task<Result<api::Reply<SignedIn>>> Accounts::sign_in(api::Call<SignIn> call) {
  INDABA_CO_TRY(auto user,
                co_await prove(std::move(call.body.username), std::move(call.body.password)));
  auto session = auth::new_session(auth::SessionKind::tokens, parts_.random,
                                   origin_of(call.request), auth::kRefreshLifetime);
  std::string refresh = session.secret;
  const UserId id = user.id;
  INDABA_CO_TRY(auto started, co_await start(std::move(user), std::move(session)));
  co_return api::ok(
      signed_in(id, started.session.id, std::move(refresh), std::move(started.profile)));
}

Task<Result<api::Reply<SessionView>>> Accounts::open_session(api::Call<SignIn> call) {
  INDABA_CO_TRY(auto user,
                co_await prove(std::move(call.body.username), std::move(call.body.password)));
  auto session = auth::new_session(auth::SessionKind::cookie, parts_.random,
                                   origin_of(call.request), auth::kCookieLifetime);
  auto cookie =
      auth::session_cookie(session.secret, call.request.secure,
                           std::chrono::duration_cast<std::chrono::seconds>(auth::kCookieLifetime));
  INDABA_CO_TRY(auto started, co_await start(std::move(user), std::move(session)));
  // The browser forgets the session that it had; so do we.
  if (call.principal.credential == auth::CredentialKind::session_cookie) {
    auto change = [this, owner = call.principal.user,
                   old = call.principal.session](db::WriteTx& tx) {
      return account::end_session(tx, parts_.changes, owner, old);
    };
    auto writing = parts_.database.write(db::Shard(0), change);
    (void)co_await writing;
  }
  api::Reply<SessionView> reply = api::ok(SessionView{std::move(started.profile)});
  reply.headers.emplace_back("set-cookie", std::move(cookie));
  co_return reply;
}

Task<Result<api::Reply<api::Nothing>>> Accounts::close_session(api::Call<> call) {
  if (call.principal.credential == auth::CredentialKind::session_cookie) {
    auto change = [this, user = call.principal.user, id = call.principal.session](db::WriteTx& tx) {
      return account::end_session(tx, parts_.changes, user, id);
    };
    auto writing = parts_.database.write(db::Shard(0), change);
    INDABA_CO_TRY_VOID(co_await writing);
  }
  auto reply = api::no_content();
  reply.headers.emplace_back("set-cookie", auth::ended_session_cookie(call.request.secure));
  co_return reply;
}

Task<Result<api::Reply<TokenPair>>> Accounts::refresh(api::Call<Refresh> call) {
  const auto token = auth::parse_refresh_token(call.body.refresh);
  if (!token) co_return auth::not_authenticated();
  auto next = auth::next_refresh_token(call.body.refresh, parts_.random);
  auto change = [this, token = *token, next,
                 now = parts_.clock.wall()](db::WriteTx& tx) -> Result<auth::Rotated> {
    INDABA_TRY(const auto rotated,
               auth::rotate_refresh(tx, token, next, auth::kRefreshLifetime, now));
    if (rotated.outcome == auth::Rotated::Outcome::reused) {
      INDABA_TRY_VOID(
          sessions_ended(tx, parts_.changes, rotated.user, std::array{rotated.session}));
    }
    return rotated;
  };
  auto writing = parts_.database.write(db::Shard(0), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  const auto& rotated = written.value;
  if (rotated.outcome != auth::Rotated::Outcome::rotated) co_return auth::not_authenticated();
  parts_.identities.session_changed(rotated.session);
  co_return api::ok(TokenPair{parts_.mint.access_token(rotated.user, rotated.session),
                              std::move(next.token), auth::kAccessLifetime.count()});
}

Task<Result<api::Reply<api::Nothing>>> Accounts::revoke(api::Call<Revoke> call) {
  std::optional<auth::RefreshToken> token;
  if (call.body.refresh) token = auth::parse_refresh_token(*call.body.refresh);
  if (!call.body.refresh && !call.principal.session) co_return auth::not_authenticated();
  const bool own = !call.body.refresh;
  auto change = [this, own, token, user = call.principal.user,
                 id = call.principal.session](db::WriteTx& tx) -> Result<void> {
    auth::SessionRow ended;
    if (own) {
      ended.id = id;
      ended.user = user;
    } else if (token) {
      INDABA_TRY(const auto row, auth::find_session_by_secret(tx.sql(), auth::SessionKind::tokens,
                                                              token->family_hash));
      if (row) ended = *row;
    }
    if (ended.id) {
      INDABA_TRY_VOID(account::end_session(tx, parts_.changes, ended.user, ended.id));
    }
    return {};
  };
  auto writing = parts_.database.write(db::Shard(0), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return api::no_content();
}

Task<Result<api::Reply<SocketToken>>> Accounts::socket_token(api::Call<> call) {
  co_return api::ok(
      SocketToken{parts_.mint.socket_token(call.principal), auth::kSocketTokenLifetime.count()});
}

Task<Result<std::int64_t>> Accounts::sweep() {
  constexpr std::int64_t kAtOnce = 500;
  auto change = [this, now = parts_.clock.wall()](db::WriteTx& tx) -> Result<std::int64_t> {
    INDABA_TRY_VOID(queries::purge_resets(tx.sql(), now));
    INDABA_TRY(const auto purged, auth::purge_sessions(tx, now, kAtOnce));
    for (const auto& row : purged) parts_.changes.record(tx, api::SessionRevoked{row.user, row.id});
    return static_cast<std::int64_t>(purged.size());
  };
  auto writing = parts_.database.write(db::Shard(0), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  co_return written.value;
}

}  // namespace indaba::account
