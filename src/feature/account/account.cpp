#include "feature/account/account.hpp"

#include "base/json_write.hpp"
#include "base/text.hpp"
#include "feature/account/queries.hpp"

namespace indaba::account {

namespace {

constexpr std::size_t kMaxEmailBytes = 254;  // RFC 5321, 4.5.3.1.3
constexpr std::size_t kMaxTagBytes = 35;
constexpr std::size_t kMaxZoneBytes = 64;

bool is_word(std::string_view text, std::string_view others) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    const char low = text::lower(c);
    return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

// One event each on the user's own stream.
Result<void> tell_of_sessions(db::WriteTx& tx, UserId user, std::string_view type,
                              std::span<const SessionId> sessions) {
  if (sessions.empty()) return {};
  INDABA_TRY(const auto found, auth::find_user(tx.sql(), user));
  if (!found || !found->active) return {};
  for (const SessionId id : sessions) {
    std::string body;
    json::append_member(body, "session_id", id);
    tx.append({found->me_stream, std::string(type), std::move(body), {}});
  }
  return {};
}

}  // namespace

Result<void> check_username(std::string_view username) {
  if (auth::is_username(username)) return {};
  return Error::invalid_field(
      "username",
      "must be 1 to 64 letters, digits or \"_.-@+\", and begin with a letter or digit.");
}

Result<void> check_email(std::string_view email) {
  const auto at = email.rfind('@');
  const bool sane = email.size() <= kMaxEmailBytes && at != std::string_view::npos && at > 0 &&
                    text::is_utf8(email) && is_word(email.substr(at + 1), "-.") &&
                    email[at + 1] != '.' && std::none_of(email.begin(), email.end(), [](char c) {
                      return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '<' ||
                             c == '>' || c == ',' || c == '"';
                    });
  if (sane) return {};
  return Error::invalid_field("email", "must be an e-mail address.");
}

Result<void> check_locale(std::string_view locale) {
  const auto parts = text::split(locale, '-');
  const bool sane =
      locale.size() <= kMaxTagBytes && parts.front().size() >= 2 && parts.front().size() <= 3 &&
      std::all_of(parts.begin(), parts.end(),
                  [](std::string_view part) { return part.size() <= 8 && is_word(part, ""); });
  if (sane) return {};
  return Error::invalid_field("locale", "must be a language tag such as \"en\" or \"af-ZA\".");
}

Result<void> check_time_zone(std::string_view zone) {
  const auto parts = text::split(zone, '/');
  const bool sane = zone.size() <= kMaxZoneBytes && parts.size() <= 3 &&
                    std::all_of(parts.begin(), parts.end(),
                                [](std::string_view part) { return is_word(part, "_+-"); });
  if (sane) return {};
  return Error::invalid_field("time_zone", "must be a time zone such as \"Africa/Johannesburg\".");
}

Result<auth::User> create_account(db::WriteTx& tx, const auth::NewUser& user, const Clock& clock,
                                  Random& random) {
  INDABA_TRY_VOID(check_username(user.username));
  if (user.email) {
    INDABA_TRY_VOID(check_email(*user.email));
  }
  INDABA_TRY_VOID(check_locale(user.locale));
  return auth::create_user(tx, user, clock, random);
}

Result<std::vector<SessionId>> set_password(db::WriteTx& tx, const api::AccessChanges& changes,
                                            UserId user, std::string_view password_hash,
                                            SessionId except) {
  INDABA_TRY_VOID(queries::set_hash(tx.sql(), user, password_hash));
  INDABA_TRY_VOID(queries::delete_resets(tx.sql(), user));
  INDABA_TRY(auto ended, auth::end_sessions(tx, user, except, false));
  INDABA_TRY_VOID(sessions_ended(tx, changes, user, ended));
  return ended;
}

Result<auth::SessionStarted> create_personal_token(db::WriteTx& tx,
                                                   const api::AccessChanges& changes,
                                                   std::string_view username,
                                                   const auth::NewSession& session, WallTime now) {
  INDABA_TRY(const auto user, auth::find_user_by_name(tx.sql(), username));
  if (!user || !user->active)
    return Error(ErrorKind::not_found, "user_not_found", "There is no such user.");
  return account::start_session(tx, changes, user->id, session, now);
}

Result<void> sessions_ended(db::WriteTx& tx, const api::AccessChanges& changes, UserId user,
                            std::span<const SessionId> sessions) {
  for (const SessionId id : sessions) changes.record(tx, api::SessionRevoked{user, id});
  return tell_of_sessions(tx, user, "session_ended", sessions);
}

Result<auth::SessionStarted> start_session(db::WriteTx& tx, const api::AccessChanges& changes,
                                           UserId user, const auth::NewSession& session,
                                           WallTime now) {
  INDABA_TRY(auto started, auth::start_session(tx, user, session, now));
  INDABA_TRY_VOID(sessions_ended(tx, changes, user, started.ended));
  INDABA_TRY_VOID(tell_of_sessions(tx, user, "session_started", std::array{started.id}));
  return started;
}

Result<bool> end_session(db::WriteTx& tx, const api::AccessChanges& changes, UserId user,
                         SessionId id) {
  INDABA_TRY(const bool ended, auth::end_session(tx, user, id));
  if (ended) {
    INDABA_TRY_VOID(sessions_ended(tx, changes, user, std::array{id}));
  }
  return ended;
}

void follow(api::AccessChanges& changes, auth::Identities& identities) {
  changes.listen([&identities](const api::AccessChange& change) {
    if (const auto* revoked = std::get_if<api::SessionRevoked>(&change))
      identities.session_ended(revoked->session);
    if (const auto* disabled = std::get_if<api::UserDisabled>(&change))
      identities.user_disabled(disabled->user);
    if (const auto* key = std::get_if<api::ApiKeyRevoked>(&change))
      identities.api_key_ended(key->key);
    if (const auto* other = std::get_if<api::SessionChanged>(&change))
      identities.session_changed(other->session);
    if (const auto* renamed = std::get_if<api::UserChanged>(&change))
      identities.user_changed(renamed->user);
    if (std::holds_alternative<api::AccessUnknown>(change)) identities.forget_all();
  });
}

}  // namespace indaba::account
