#include "auth/django_tokens.hpp"

#include "auth/secrets.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace indaba::auth {

namespace {

constexpr std::size_t kMaxKnown = 20'000;
constexpr Millis kMaxAge = std::chrono::minutes(1);
constexpr std::size_t kTokenLength = 40;

// A user model of the team's own may lack the columns that Django's has.
std::string statement(std::string_view user_table) {
  return fmt::format(
      "SELECT t.user_id::text, to_jsonb(u)->>'username' FROM authtoken_token t"
      " JOIN {} u ON u.id = t.user_id"
      " WHERE t.key = $1 AND coalesce((to_jsonb(u)->>'is_active')::boolean, true)",
      user_table);
}

}  // namespace

DjangoTokens::DjangoTokens(Settings settings, db::Database& database, const Clock& clock)
    : settings_(std::move(settings)),
      sql_(statement(settings_.user_table)),
      database_(database),
      known_(clock, kMaxKnown, kMaxAge) {
  check(is_table_name(settings_.user_table), "the name of Django's table of users was checked");
}

bool DjangoTokens::looks_like_one(std::string_view token) noexcept {
  return token.size() == kTokenLength && std::ranges::all_of(token, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool DjangoTokens::is_table_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 63 && !(name.front() >= '0' && name.front() <= '9') &&
         std::ranges::all_of(name, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_';
         });
}

Task<Result<std::optional<ExternalIdentity>>> DjangoTokens::find(std::string token) {
  const std::string hash = hash_secret(token);
  if (auto known = known_.find(hash)) co_return std::move(known);
  const auto ticket = known_.ticket(hash);
  auto query = [sql = sql_, token](db::Session& session) {
    const auto identity = [](const db::Row& row) {
      ExternalIdentity out;
      out.subject = row.string(0);
      out.wished_name = row.string(1);
      return out;
    };
    return session.first<ExternalIdentity>(sql, identity, token);
  };
  auto reading = database_.read(query);
  INDABA_CO_TRY(auto found, co_await reading);
  if (!found) co_return std::optional<ExternalIdentity>();
  found->issuer = settings_.issuer;
  if (settings_.same_numbers) {
    const auto number = text::parse_int64(found->subject);
    if (!number || *number <= 0) co_return std::optional<ExternalIdentity>();
    found->same_number = UserId(*number);
  }
  known_.put(hash, *found, ticket);
  co_return std::move(found);
}

}  // namespace indaba::auth
