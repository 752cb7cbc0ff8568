// Users: the rows, and the queries that more than one feature needs. SQL runs on a database thread,
// inside a read or a write.
//
// A user is local (name and password here) or external, known by (issuer, subject). A deleted user
// keeps the row, without anything that tells who it was, so that what was written has an author.
#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace indaba::auth {

// What others may see of a user, in events and lists.
struct UserBrief {
  std::int64_t id = 0;
  std::string username;
  std::string display_name;
};

struct User {
  UserId id;
  std::string username;
  std::string display_name;
  std::optional<std::string> email;
  std::string locale = "en";
  std::string time_zone = "UTC";
  std::optional<std::string> quiet_start;
  std::optional<std::string> quiet_end;
  std::optional<std::string> avatar;
  std::string password_hash;  // empty: no password
  bool superuser = false;
  bool active = true;
  StreamId me_stream;
};

struct NewUser {
  std::string username;
  std::string display_name;  // empty: the user name
  std::optional<std::string> email;
  std::string locale = "en";
  std::string password_hash;
  bool superuser = false;
  UserId id;  // none: the next one
  std::optional<std::string> issuer;
  std::optional<std::string> subject;
};

// 1 to 64 of letters, digits and "_.-@+", as Django has it; begins with a letter, a digit or "_".
[[nodiscard]] bool is_username(std::string_view name) noexcept;

[[nodiscard]] Result<std::optional<User>> find_user(db::Session& session, UserId id);
[[nodiscard]] Result<std::optional<User>> find_user_by_name(db::Session& session,
                                                            std::string_view username);
[[nodiscard]] Result<std::optional<UserId>> find_user_by_identity(db::Session& session,
                                                                  std::string_view issuer,
                                                                  std::string_view subject);
// Active users alone.
[[nodiscard]] Result<std::optional<UserBrief>> find_brief(db::Session& session, UserId id);

// The user and its `me` stream. A name that is taken is a conflict (`username_taken`).
[[nodiscard]] Result<User> create_user(db::WriteTx& tx, const NewUser& user, const Clock& clock,
                                       Random& random);

// An identity that another issuer vouches for.
struct ExternalIdentity {
  std::string issuer;
  std::string subject;
  std::string wished_name;  // empty, or what the token calls the user
  UserId same_number;       // set where the issuer's numbers are ours (`auth.external_ids`)
};
// The local row of an external identity, made on first sight: with the wished name where that is
// free, else with one like it.
[[nodiscard]] Result<UserId> adopt_external_user(db::WriteTx& tx, const ExternalIdentity& identity,
                                                 const Clock& clock, Random& random);

}  // namespace indaba::auth
