#include "feature/account/service.hpp"

namespace indaba::account {

using api::Access;
using api::Call;
using api::Limit;
using api::Nothing;

namespace {

constexpr std::string_view kTag = "account";

api::Docs docs(std::string summary, Access access, int status = 200, std::string description = {}) {
  return {.summary = std::move(summary),
          .description = std::move(description),
          .tag = std::string(kTag),
          .access = access,
          .status = status};
}

// Deals in secrets: nothing of the answer is kept, and it is counted on its own.
api::Docs secret_docs(std::string summary, Access access, Limit limit, int status = 200,
                      std::string description = {}) {
  auto made = docs(std::move(summary), access, status, std::move(description));
  made.limit = limit;
  made.credentials = true;
  return made;
}

api::Docs with_errors(api::Docs made, std::vector<api::ErrorDocs> errors) {
  made.errors = std::move(errors);
  return made;
}

}  // namespace

void Accounts::add_routes(api::Endpoints& endpoints) {
  const api::ErrorDocs wrong{401, "invalid_credentials", "The user name or the password is wrong."};
  endpoints.post<Register, Nothing, SignedIn>(
      "/api/v1/auth/register",
      with_errors(secret_docs("Make an account", Access::anyone, Limit::password, 201),
                  {{403, "registration_closed", "Nobody may make an account here."},
                   {403, "invite_required", "An invitation is needed."},
                   {409, "username_taken", "The user name is taken."}}),
      [this](Call<Register> call) { return sign_up(std::move(call)); });
  endpoints.post<SignIn, Nothing, SignedIn>(
      "/api/v1/auth/token",
      with_errors(secret_docs("Sign in, for tokens", Access::anyone, Limit::password), {wrong}),
      [this](Call<SignIn> call) { return sign_in(std::move(call)); });
  endpoints.post<Refresh, Nothing, TokenPair>(
      "/api/v1/auth/token/refresh",
      secret_docs(
          "Get a new pair of tokens", Access::anyone, Limit::session, 200,
          "The old refresh token is spent. One that is spent twice ends the whole sign-in."),
      [this](Call<Refresh> call) { return refresh(std::move(call)); });
  endpoints.post<Revoke, Nothing, Nothing>(
      "/api/v1/auth/token/revoke",
      secret_docs("Sign out", Access::anyone, Limit::session, 204,
                  "Ends the sign-in of the refresh token, or of the caller's own token where none "
                  "is given."),
      [this](Call<Revoke> call) { return revoke(std::move(call)); });
  endpoints.post<Nothing, Nothing, SocketToken>(
      "/api/v1/auth/ws-token",
      secret_docs("Get a token that opens one socket", Access::user, Limit::session, 200,
                  "It lives for 60 seconds."),
      [this](Call<> call) { return socket_token(std::move(call)); });
  endpoints.post<SignIn, Nothing, SessionView>(
      "/api/v1/auth/session",
      with_errors(secret_docs("Sign in, for a cookie", Access::anyone, Limit::password), {wrong}),
      [this](Call<SignIn> call) { return open_session(std::move(call)); });
  endpoints.remove<Nothing, Nothing>(
      "/api/v1/auth/session",
      secret_docs("Sign out, and drop the cookie", Access::anyone, Limit::session, 204),
      [this](Call<> call) { return close_session(std::move(call)); });

  endpoints.post<ChangePassword, Nothing, Nothing>(
      "/api/v1/auth/password",
      secret_docs("Change your password", Access::user, Limit::password, 204,
                  "Ends all your other sessions."),
      [this](Call<ChangePassword> call) { return change_password(std::move(call)); });
  endpoints.post<AskReset, Nothing, Nothing>(
      "/api/v1/auth/password/reset",
      secret_docs("Ask for a link to set a new password", Access::anyone, Limit::password, 202,
                  "Always accepted; mailed where there is such an account, it has an address, and "
                  "mail is set up."),
      [this](Call<AskReset> call) { return ask_reset(std::move(call)); });
  endpoints.post<ConfirmReset, Nothing, Nothing>(
      "/api/v1/auth/password/reset/confirm",
      secret_docs("Set a new password with that link's token", Access::anyone, Limit::password,
                  204),
      [this](Call<ConfirmReset> call) { return confirm_reset(std::move(call)); });

  endpoints.get<Nothing, Profile>("/api/v1/me", docs("Your profile", Access::user),
                                  [this](Call<> call) { return show(std::move(call)); });
  endpoints.patch<ChangeProfile, Nothing, Profile>(
      "/api/v1/me", docs("Change your profile", Access::user),
      [this](Call<ChangeProfile> call) { return change(std::move(call)); });
  endpoints.remove<Nothing, Nothing>(
      "/api/v1/me",
      with_errors(docs("Delete your account", Access::user, 204,
                       "Your name becomes nobody's; everything else is erased."),
                  {{409, "last_owner", "You are the last owner of an organisation."}}),
      [this](Call<> call) { return remove(std::move(call)); });
  endpoints.get<Nothing, MySessions>(
      "/api/v1/me/sessions", docs("Where you are signed in", Access::user),
      [this](Call<> call) { return list_my_sessions(std::move(call)); });
  endpoints.remove<Nothing, Nothing>(
      "/api/v1/me/sessions/{id}",
      docs("End one of your sessions", Access::user, 204, "Its sockets close within a second."),
      [this](Call<> call) { return end_my_session(std::move(call)); });
  endpoints.get<Nothing, UnreadView>(
      "/api/v1/me/unread", docs("What you have not read, in absolute numbers", Access::user),
      [this](Call<> call) { return unread(std::move(call)); });
  endpoints.put<Nothing, Nothing, Nothing>(
      "/api/v1/users/{id}/block",
      docs("Block a user", Access::user, 204,
           "No messages, mentions or presence pass between the two of you."),
      [this](Call<> call) { return block(std::move(call)); });
  endpoints.remove<Nothing, Nothing>("/api/v1/users/{id}/block",
                                     docs("Unblock a user", Access::user, 204),
                                     [this](Call<> call) { return unblock(std::move(call)); });
}

}  // namespace indaba::account
