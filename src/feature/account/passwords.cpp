// Passwords: changing one's own, and getting back in without it.
#include "auth/credentials.hpp"
#include "auth/request_authenticator.hpp"
#include "auth/secrets.hpp"
#include "feature/account/queries.hpp"
#include "feature/account/service.hpp"

namespace indaba::account {

namespace {

constexpr Millis kResetLifetime = std::chrono::minutes(30);

Mail reset_mail(const queries::ResetUser& user, const std::string& link) {
  if (user.locale.starts_with("af"))
    return {user.email, "Nuwe wagwoord",
            fmt::format("Iemand, hopelik jy, het 'n nuwe wagwoord vir jou rekening gevra.\n\nKies "
                        "een binne 30 minute hier:\n{}\n\n"
                        "As dit nie jy was nie, hoef jy niks te doen nie.\n",
                        link)};
  return {user.email, "A new password",
          fmt::format("Someone, hopefully you, asked for a new password for your "
                      "account.\n\nChoose one within 30 minutes "
                      "here:\n{}\n\nIf it was not you, there is nothing to do.\n",
                      link)};
}

Error invalid_reset() {
  return Error::invalid_field("token", "This link does not exist or is over.");
}

}  // namespace

Task<Result<api::Reply<api::Nothing>>> Accounts::change_password(api::Call<ChangePassword> call) {
  INDABA_CO_TRY_VOID(auth::check_new_password(call.body.new_, call.principal.username, "new"));
  auto proving = prove(call.principal.username, std::move(call.body.old));
  const auto proved = co_await proving;
  // The caller is known; it is a field that is wrong, and no reason to sign in again.
  if (!proved && proved.error().kind == ErrorKind::unauthenticated)
    co_return Error::invalid_field("old", "This is not your password.");
  if (!proved) co_return proved.error();
  auto hashing = parts_.hasher.hash(std::move(call.body.new_));
  INDABA_CO_TRY(const auto hash, co_await hashing);

  // A cookie that somebody may have learnt must not be worth anything after the change.
  const bool by_cookie = call.principal.credential == auth::CredentialKind::session_cookie;
  const std::string secret =
      by_cookie ? auth::new_secret(parts_.random, auth::kCookiePrefix) : std::string();
  const SessionId current = call.principal.session;
  auto change = [this, hash, secret, current, user = proved->id](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(set_password(tx, parts_.changes, user, hash, current));
    if (!secret.empty()) {
      INDABA_TRY_VOID(auth::replace_secret(tx, current, auth::hash_secret(secret)));
      parts_.changes.record(tx, api::SessionChanged{current});
    }
    return {};
  };
  auto writing = parts_.database.write(db::Shard(0), change);
  INDABA_CO_TRY_VOID(co_await writing);
  auto reply = api::no_content();
  if (by_cookie) {
    reply.headers.emplace_back(
        "set-cookie", auth::session_cookie(
                          secret, call.request.secure,
                          std::chrono::duration_cast<std::chrono::seconds>(auth::kCookieLifetime)));
  }
  co_return reply;
}

Task<Result<api::Reply<api::Nothing>>> Accounts::ask_reset(api::Call<AskReset> call) {
  if (call.body.username.has_value() == call.body.email.has_value())
    co_return Error::invalid_field("username", "Name the account by one of username and email.",
                                   "missing_field");
  // The answer does not wait for what is found, so that its time tells nothing.
  if (parts_.mailer != nullptr)
    spawn(mail_resets(call.body.username ? call.body.username->str() : std::string(),
                      call.body.email ? call.body.email->str() : std::string()));
  co_return api::accepted(api::Nothing{});
}

Task<void> Accounts::mail_resets(std::string username, std::string email) {
  auto query = [username, email](db::Session& session) {
    return queries::find_reset_users(session, username, email);
  };
  auto reading = parts_.database.read(query);
  const auto users = co_await reading;
  if (!users) co_return;
  for (const auto& user : *users) {
    const std::string token = auth::new_secret(parts_.random, auth::kResetPrefix);
    auto change = [token, id = user.id,
                   now = parts_.clock.wall()](db::WriteTx& tx) -> Result<void> {
      INDABA_TRY_VOID(queries::delete_resets(tx.sql(), id));  // the newest link alone counts
      return queries::insert_reset(tx.sql(), id, auth::hash_secret(token), now,
                                   now + kResetLifetime);
    };
    auto writing = parts_.database.write(db::Shard(0), change);
    if (co_await writing)
      parts_.mailer->send(
          reset_mail(user, fmt::format("{}/reset-password#{}", settings_.public_url, token)));
  }
}

Task<Result<api::Reply<api::Nothing>>> Accounts::confirm_reset(api::Call<ConfirmReset> call) {
  INDABA_CO_TRY_VOID(auth::check_new_password(call.body.password, "", "password"));
  const std::string token_hash = auth::hash_secret(call.body.token);
  // Looked at first, so that a stranger cannot make us hash for nothing.
  auto query = [token_hash, now = parts_.clock.wall()](db::Session& session) {
    return queries::find_reset(session, token_hash, now);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(const auto known, co_await reading);
  if (!known) co_return invalid_reset();
  auto hashing = parts_.hasher.hash(std::move(call.body.password));
  INDABA_CO_TRY(const auto hash, co_await hashing);
  auto change = [this, token_hash, hash,
                 now = parts_.clock.wall()](db::WriteTx& tx) -> Result<std::vector<SessionId>> {
    INDABA_TRY(const auto user, queries::find_reset(tx.sql(), token_hash, now));
    if (!user) return invalid_reset();  // used meanwhile
    return set_password(tx, parts_.changes, *user, hash, SessionId());
  };
  auto writing = parts_.database.write(db::Shard(0), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return api::no_content();
}

}  // namespace indaba::account
