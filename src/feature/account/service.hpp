// The rules of accounts, behind their routes.
//
// Names and passwords: a wrong name, a wrong password and an account without one are the same
// answer after the same time. Five failures in 15 minutes close an account's door for the rest of
// them, and nothing closes it for longer. What ends a session is told to api::AccessChanges right
// after its commit.
#pragma once

#include "api/access_changes.hpp"
#include "api/call.hpp"
#include "api/endpoint.hpp"
#include "api/rate_limit.hpp"
#include "auth/access_tokens.hpp"
#include "auth/identities.hpp"
#include "auth/password.hpp"
#include "feature/account/account.hpp"
#include "feature/account/mailer.hpp"
#include "feature/account/views.hpp"
#include "feature/orgs/orgs.hpp"

#include <functional>
#include <string>

namespace indaba::account {

enum class Registration : std::uint8_t { open, invite, closed };

// What a user has not read in an organisation. The seam to the features that
// count it.
struct UnreadSource {
  std::function<Task<Result<UnreadCounts>>(api::Membership org, UserId user)> of_org;
  std::function<Task<Result<std::vector<UnreadConversation>>>(UserId user)> conversations;
};

class Accounts {
 public:
  struct Settings {
    Registration registration = Registration::invite;
    bool external_ids = false;                 // closes registration
    std::string public_url;                    // for links in mails
    Live<std::int64_t> password_failures = 5;  // of an account, in 15 minutes
  };
  // All outlive this.
  struct Parts {
    db::Database& database;
    auth::PasswordHasher& hasher;
    const auth::TokenMint& mint;
    auth::Identities& identities;
    const api::AccessChanges& changes;
    api::RateLimiter& limiter;
    Mailer* mailer;  // null: nothing is mailed
    const Clock& clock;
    Random& random;
  };

  Accounts(Settings settings, Parts parts, UnreadSource unread)
      : settings_(std::move(settings)), parts_(parts), unread_(std::move(unread)) {}
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  void add_routes(api::Endpoints& endpoints);

  // At start-up: what else goes with an account, in the transaction that deletes it.
  using Eraser = std::function<Result<void>(db::WriteTx& tx, UserId user, WallTime now)>;
  void also_erase(Eraser eraser) { erasers_.push_back(std::move(eraser)); }

  // Any thread.
  void set_password_failures(std::int64_t limit) noexcept { settings_.password_failures = limit; }

  // Ends sessions whose time is over, so that their sockets end too; for a schedule of once a
  // minute. The number of them.
  [[nodiscard]] Task<Result<std::int64_t>> sweep();

 private:
  template <class T>
  using Answer = Task<Result<api::Reply<T>>>;

  Answer<SignedIn> sign_up(api::Call<Register> call);
  Answer<SignedIn> sign_in(api::Call<SignIn> call);
  Answer<SessionView> open_session(api::Call<SignIn> call);
  Answer<api::Nothing> close_session(api::Call<> call);
  Answer<TokenPair> refresh(api::Call<Refresh> call);
  Answer<api::Nothing> revoke(api::Call<Revoke> call);
  Answer<SocketToken> socket_token(api::Call<> call);

  Answer<Profile> show(api::Call<> call);
  Answer<Profile> change(api::Call<ChangeProfile> call);
  Answer<api::Nothing> remove(api::Call<> call);
  Answer<MySessions> list_my_sessions(api::Call<> call);
  Answer<api::Nothing> end_my_session(api::Call<> call);
  Answer<UnreadView> unread(api::Call<> call);
  Answer<api::Nothing> block(api::Call<> call);
  Answer<api::Nothing> unblock(api::Call<> call);

  Answer<api::Nothing> change_password(api::Call<ChangePassword> call);
  Answer<api::Nothing> ask_reset(api::Call<AskReset> call);
  Answer<api::Nothing> confirm_reset(api::Call<ConfirmReset> call);

  // The user whose password this is.
  Task<Result<auth::User>> prove(std::string username, std::string password);
  struct Started {
    auth::SessionStarted session;
    Profile profile;
  };
  Task<Result<Started>> start(auth::User user, auth::NewSession session);
  Task<void> mail_resets(std::string username, std::string email);
  [[nodiscard]] SignedIn signed_in(UserId user, SessionId session, std::string refresh,
                                   Profile profile) const;

  Settings settings_;
  const Parts parts_;
  const UnreadSource unread_;
  std::vector<Eraser> erasers_;
};

// Inside a read or a write.
[[nodiscard]] Result<Profile> load_profile(db::Session& session, UserId user);

}  // namespace indaba::account
