#include "auth/identities.hpp"

#include "auth/secrets.hpp"

namespace indaba::auth {

namespace {

constexpr std::size_t kMaxUsers = 50'000;
constexpr std::size_t kMaxSessions = 50'000;
constexpr std::size_t kMaxKeys = 5'000;
constexpr Millis kTouchEvery = std::chrono::hours(1);

Identities::SessionFacts to_facts(const SessionRow& row, std::string secret_hash) {
  return {row.id, row.user, row.kind, std::move(secret_hash), row.seen_at, row.expires_at};
}

}  // namespace

Identities::Identities(db::Database& database, const Clock& clock, Random& random, Millis believed)
    : database_(database),
      clock_(clock),
      random_(random),
      users_(clock, kMaxUsers, believed),
      sessions_(clock, kMaxSessions, believed),
      secrets_(clock, kMaxSessions, believed),
      keys_(clock, kMaxKeys, believed),
      externals_(clock, kMaxUsers, believed) {}

Task<Result<std::optional<Identities::UserFacts>>> Identities::user(UserId id) {
  if (auto known = users_.find(id)) co_return std::move(known);
  const auto ticket = users_.ticket(id);
  auto query = [id](db::Session& session) { return find_user(session, id); };
  auto reading = database_.read(query);
  INDABA_CO_TRY(auto found, co_await reading);
  if (!found || !found->active) co_return std::optional<UserFacts>();
  UserFacts facts{std::move(found->username), std::move(found->display_name),
                  std::move(found->locale), found->superuser, found->me_stream};
  users_.put(id, facts, ticket);
  co_return std::optional(std::move(facts));
}

Task<Result<std::optional<Identities::SessionFacts>>> Identities::session(SessionId id) {
  auto facts = sessions_.find(id);
  if (!facts) {
    const auto ticket = sessions_.ticket(id);
    auto query = [id](db::Session& session) { return find_session(session, id); };
    auto reading = database_.read(query);
    INDABA_CO_TRY(const auto row, co_await reading);
    if (!row) co_return std::optional<SessionFacts>();
    facts = to_facts(*row, {});
    sessions_.put(id, *facts, ticket);
  }
  if (facts->expires_at <= clock_.wall()) facts.reset();
  co_return std::move(facts);
}

Task<Result<std::optional<Identities::SessionFacts>>> Identities::session_by_secret(
    SessionKind kind, std::string secret) {
  const std::string hash = hash_secret(secret);
  const std::string key = fmt::format("{}:{}", to_string(kind), hash);
  auto facts = secrets_.find(key);
  if (!facts) {
    const auto ticket = secrets_.ticket(key);
    auto query = [kind, hash](db::Session& session) {
      return find_session_by_secret(session, kind, hash);
    };
    auto reading = database_.read(query);
    INDABA_CO_TRY(const auto row, co_await reading);
    if (!row) co_return std::optional<SessionFacts>();
    facts = to_facts(*row, hash);
    secrets_.put(key, *facts, ticket);
  }
  if (facts->expires_at <= clock_.wall()) facts.reset();
  co_return std::move(facts);
}

Task<Result<std::optional<ApiKeyFacts>>> Identities::api_key(std::string secret) {
  const std::string hash = hash_secret(secret);
  if (auto known = keys_.find(hash)) co_return std::move(known);
  const auto ticket = keys_.ticket(hash);
  auto query = [hash](db::Session& session) { return find_api_key(session, hash); };
  auto reading = database_.read(query);
  INDABA_CO_TRY(auto found, co_await reading);
  if (found) keys_.put(hash, *found, ticket);
  co_return std::move(found);
}

Task<Result<UserId>> Identities::external(ExternalIdentity identity) {
  const std::string key = identity.same_number ? std::to_string(identity.same_number.value)
                                               : identity.issuer + '\n' + identity.subject;
  if (const auto known = externals_.find(key)) co_return *known;
  const auto ticket = externals_.ticket(key);
  auto change = [this, identity](db::WriteTx& tx) {
    return adopt_external_user(tx, identity, clock_, random_);
  };
  auto writing = database_.write(db::Shard(0), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  externals_.put(key, written.value, ticket);
  co_return written.value;
}

void Identities::forget_all() {
  users_.forget_if([](const auto&, const auto&) { return true; });
  sessions_.forget_if([](const auto&, const auto&) { return true; });
  secrets_.forget_if([](const auto&, const auto&) { return true; });
  keys_.forget_if([](const auto&, const auto&) { return true; });
  externals_.forget_if([](const auto&, const auto&) { return true; });
}

void Identities::session_ended(SessionId id) {
  revocations_.end(id);
  session_changed(id);
}

void Identities::session_changed(SessionId id) {
  sessions_.forget(id);
  secrets_.forget_if(
      [id](const std::string&, const SessionFacts& facts) { return facts.id == id; });
}

void Identities::user_changed(UserId id) {
  users_.forget(id);
}

void Identities::user_disabled(UserId id) {
  revocations_.disable(id);
  users_.forget(id);
  externals_.forget_if([id](const std::string&, UserId user) { return user == id; });
}

void Identities::api_key_ended(ApiKeyId id) {
  revocations_.end(id);
  keys_.forget_if([id](const std::string&, const ApiKeyFacts& facts) { return facts.id == id; });
}

Task<void> Identities::keep_alive(SessionFacts session, Millis lifetime) {
  const WallTime now = clock_.wall();
  if (session.kind != SessionKind::cookie || now - session.seen_at < kTouchEvery) co_return;
  auto change = [id = session.id, lifetime, now](db::WriteTx& tx) {
    return touch_session(tx, id, lifetime, now);
  };
  auto writing = database_.write(db::Shard(0), change);
  // Where it fails, the next request tries again.
  if (const auto written = co_await writing) session_changed(session.id);
}

}  // namespace indaba::auth
