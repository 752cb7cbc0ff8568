#include "auth/users.hpp"

#include "base/text.hpp"
#include "stream/event_log.hpp"

namespace indaba::auth {

namespace {

#define INDABA_USER_COLUMNS                                                                \
  "id, username, display_name, email, locale, time_zone, quiet_start, quiet_end, avatar, " \
  "password_hash, superuser, active, "                                                     \
  "me_stream"
constexpr std::string_view kUserById = "SELECT " INDABA_USER_COLUMNS " FROM users WHERE id = $1";
constexpr std::string_view kUserByName =
    "SELECT " INDABA_USER_COLUMNS " FROM users WHERE username_key = $1";
#undef INDABA_USER_COLUMNS
constexpr std::string_view kUserByIdentity =
    "SELECT id FROM users WHERE issuer = $1 AND subject = $2";
constexpr std::string_view kBrief =
    "SELECT id, username, display_name FROM users WHERE id = $1 AND active = 1";
constexpr std::string_view kInsertUser =
    "INSERT INTO users (id, username, username_key, display_name, email, email_key, locale, "
    "password_hash, superuser, issuer, "
    "subject, me_stream, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
    "$13) RETURNING id";
constexpr std::string_view kOwnStream = "UPDATE streams SET user_id = $2 WHERE id = $1";

User read_user(const db::Row& r) {
  User user;
  user.id = r.id<UserId>(0);
  user.username = r.string(1);
  user.display_name = r.string(2);
  user.email = r.maybe_string(3);
  user.locale = r.string(4);
  user.time_zone = r.string(5);
  user.quiet_start = r.maybe_string(6);
  user.quiet_end = r.maybe_string(7);
  user.avatar = r.maybe_string(8);
  user.password_hash = r.string(9);
  user.superuser = r.boolean(10);
  user.active = r.boolean(11);
  user.me_stream = r.id<StreamId>(12);
  return user;
}

bool is_name_char(char c, bool first) noexcept {
  const bool word =
      (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  return word || (!first && (c == '.' || c == '-' || c == '@' || c == '+'));
}

// A name like `wished` that nobody has: "anna", "anna-2", …, "anna-<random>".
Result<std::string> free_name(db::Session& session, std::string_view wished, Random& random) {
  constexpr std::size_t kRoomForSuffix = 44;
  constexpr int kTries = 5;
  const std::string base =
      is_username(wished) ? std::string(wished.substr(0, kRoomForSuffix)) : "user";
  std::string name =
      is_username(wished) ? std::string(wished) : fmt::format("user-{}", random.below(1'000'000));
  for (int attempt = 2; attempt < kTries; ++attempt) {
    INDABA_TRY(const auto taken, find_user_by_name(session, name));
    if (!taken) return name;
    name = fmt::format("{}-{}", base, attempt);
  }
  return fmt::format("{}-{}", base, random.below(std::uint64_t{1} << 52U));
}

}  // namespace

bool is_username(std::string_view name) noexcept {
  constexpr std::size_t kMaxUsername = 64;
  if (name.empty() || name.size() > kMaxUsername || !is_name_char(name[0], true)) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return is_name_char(c, false); });
}

Result<std::optional<User>> find_user(db::Session& session, UserId id) {
  return session.first<User>(kUserById, read_user, id);
}

Result<std::optional<User>> find_user_by_name(db::Session& session, std::string_view username) {
  const std::string key = text::to_lower(username);
  return session.first<User>(kUserByName, read_user, key);
}

Result<std::optional<UserId>> find_user_by_identity(db::Session& session, std::string_view issuer,
                                                    std::string_view subject) {
  return session.first<UserId>(
      kUserByIdentity, [](const db::Row& r) { return r.id<UserId>(0); }, issuer, subject);
}

Result<std::optional<UserBrief>> find_brief(db::Session& session, UserId id) {
  return session.first<UserBrief>(
      kBrief, [](const db::Row& r) { return UserBrief{r.int64(0), r.string(1), r.string(2)}; }, id);
}

Result<User> create_user(db::WriteTx& tx, const NewUser& user, const Clock& clock, Random& random) {
  auto& sql = tx.sql();
  INDABA_TRY(const auto taken, find_user_by_name(sql, user.username));
  if (taken) return Error(ErrorKind::conflict, "username_taken", "This user name is taken.");
  INDABA_TRY(const auto stream, stream::create_stream(sql, {.kind = "me"}, clock, random));
  const std::string key = text::to_lower(user.username);
  const auto email_key = user.email ? std::optional(text::to_lower(*user.email)) : std::nullopt;
  const auto hash = user.password_hash.empty() ? std::nullopt : std::optional(user.password_hash);
  const std::string& shown = user.display_name.empty() ? user.username : user.display_name;
  INDABA_TRY(const auto id,
             sql.first<UserId>(
                 kInsertUser, [](const db::Row& r) { return r.id<UserId>(0); }, user.id,
                 user.username, key, shown, user.email, email_key, user.locale, hash,
                 user.superuser, user.issuer, user.subject, stream, to_millis(clock.wall())));
  if (!id) return Error::internal("a user was not inserted");
  INDABA_TRY_VOID(sql.execute(kOwnStream, stream, *id));
  INDABA_TRY(auto created, find_user(sql, *id));
  if (!created) return Error::internal("a user that was inserted is not there");
  return *std::move(created);
}

Result<UserId> adopt_external_user(db::WriteTx& tx, const ExternalIdentity& identity,
                                   const Clock& clock, Random& random) {
  auto& sql = tx.sql();
  NewUser user;
  if (identity.same_number) {
    INDABA_TRY(const auto known, find_user(sql, identity.same_number));
    if (known) return known->id;
    user.id = identity.same_number;
  } else {
    INDABA_TRY(const auto known, find_user_by_identity(sql, identity.issuer, identity.subject));
    if (known) return *known;
    user.issuer = identity.issuer;
    user.subject = identity.subject;
  }
  INDABA_TRY(user.username, free_name(sql, identity.wished_name, random));
  INDABA_TRY(const auto created, create_user(tx, user, clock, random));
  return created.id;
}

}  // namespace indaba::auth
