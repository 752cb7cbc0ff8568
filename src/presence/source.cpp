#include "presence/source.hpp"

#include "feature/account/account.hpp"

#include <array>

namespace indaba::presence {

namespace {

constexpr std::string_view kFindUser = "SELECT username FROM users WHERE id = $1 AND active = 1";
constexpr std::string_view kOrgsOf = "SELECT org_id FROM org_members WHERE user_id = $1";
// PostgreSQL: all of them by one statement.
constexpr std::string_view kPlaceAll =
    "SELECT u.id, u.username, m.org_id FROM users u LEFT JOIN org_members m ON m.user_id = u.id"
    " WHERE u.id = ANY ($1) AND u.active = 1 ORDER BY u.id";
constexpr std::string_view kFindStream =
    "SELECT s.kind, coalesce(r.org_id, o.id), r.id, r.private FROM streams s"
    " LEFT JOIN rooms r ON r.stream_id = s.id AND r.deleted_at IS NULL"
    " LEFT JOIN orgs o ON s.kind = 'notifications' AND o.id = s.org_id AND"
    "   o.notifications_stream = s.id"
    " WHERE s.id = $1";
constexpr std::string_view kCountMembers = "SELECT count(*) FROM org_members WHERE org_id = $1";
constexpr std::string_view kListRoom =
    "SELECT user_id FROM room_members WHERE room_id = $1 ORDER BY user_id";
constexpr std::string_view kSeenIn =
    "SELECT u.id, u.username, p.last_seen FROM org_members m"
    " JOIN users u ON u.id = m.user_id AND u.active = 1"
    " JOIN user_presence p ON p.user_id = m.user_id"
    " WHERE m.org_id = $1 ORDER BY p.last_seen DESC, u.id LIMIT $2";
// Nothing of a user who is gone meanwhile; never back in time, whoever writes last.
constexpr std::string_view kSave =
    "INSERT INTO user_presence (user_id, last_seen) SELECT id, $2 FROM users WHERE id = $1"
    " ON CONFLICT (user_id) DO UPDATE SET last_seen = excluded.last_seen"
    " WHERE user_presence.last_seen < excluded.last_seen";

UserId user_of(const db::Row& row) {
  return row.id<UserId>(0);
}

Result<std::vector<PlacedUser>> place_all(db::Session& session, const std::vector<UserId>& users) {
  std::vector<std::int64_t> ids;
  ids.reserve(users.size());
  for (const auto user : users) ids.push_back(user.value);
  std::vector<PlacedUser> placed;
  const auto take = [&](const db::Row& row) {
    if (placed.empty() || placed.back().user != user_of(row))
      placed.push_back({user_of(row), row.string(1), {}});
    if (!row.is_null(2)) placed.back().orgs.push_back(row.id<OrgId>(2));
  };
  const std::array<db::Param, 1> params{db::Integers{ids}};
  INDABA_TRY_VOID(session.run(kPlaceAll, params, take));
  return placed;
}

Result<Audience> read_audience(db::Session& session, StreamId stream) {
  Audience audience;
  audience.stream = stream;
  struct Found {
    OrgId org;
    std::optional<std::int64_t> room;
    bool is_private = false;
  };
  INDABA_TRY(const auto found, session.first<Found>(
                                   kFindStream,
                                   [](const db::Row& row) {
                                     return Found{row.id<OrgId>(1), row.maybe_int64(2),
                                                  row.boolean(3)};
                                   },
                                   stream));
  if (!found || !found->org) return audience;
  audience.org = found->org;
  if (found->room && found->is_private) {
    audience.kind = Audience::Kind::listed;
    INDABA_TRY(audience.listed, session.all<UserId>(kListRoom, user_of, *found->room));
    audience.members = static_cast<std::int64_t>(audience.listed.size());
    return audience;
  }
  audience.kind = Audience::Kind::org;
  INDABA_TRY(const auto members,
             session.first<std::int64_t>(
                 kCountMembers, [](const db::Row& row) { return row.int64(0); }, found->org));
  audience.members = members.value_or(0);
  return audience;
}

}  // namespace

Task<Result<std::vector<PlacedUser>>> SqlSource::place(std::vector<UserId> users) {
  auto query = [users = std::move(users)](db::Session& session) -> Result<std::vector<PlacedUser>> {
    if (session.dialect() == db::Dialect::postgres) return place_all(session, users);
    std::vector<PlacedUser> placed;
    for (const auto user : users) {
      INDABA_TRY(auto name, session.first<std::string>(
                                kFindUser, [](const db::Row& row) { return row.string(0); }, user));
      if (!name) continue;
      INDABA_TRY(
          auto orgs,
          session.all<OrgId>(kOrgsOf, [](const db::Row& row) { return row.id<OrgId>(0); }, user));
      placed.push_back({user, *std::move(name), std::move(orgs)});
    }
    return placed;
  };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Task<Result<std::vector<Audience>>> SqlSource::audiences(std::vector<StreamId> streams) {
  auto query = [streams =
                    std::move(streams)](db::Session& session) -> Result<std::vector<Audience>> {
    std::vector<Audience> audiences;
    for (const auto stream : streams) {
      INDABA_TRY(auto audience, read_audience(session, stream));
      audiences.push_back(std::move(audience));
    }
    return audiences;
  };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Task<Result<std::vector<UserPair>>> SqlSource::unblocked(std::vector<UserPair> pairs) {
  auto query = [pairs = std::move(pairs)](db::Session& session) -> Result<std::vector<UserPair>> {
    std::vector<UserPair> free;
    for (const auto& pair : pairs) {
      INDABA_TRY(const bool blocked, account::is_blocked_between(session, pair.one, pair.other));
      if (!blocked) free.push_back(pair);
    }
    return free;
  };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Task<Result<std::vector<UserId>>> SqlSource::blocked_around(UserId user) {
  if (!user) co_return std::vector<UserId>();
  auto query = [user](db::Session& session) { return account::list_blocked_around(session, user); };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Task<Result<std::vector<PresentPerson>>> SqlSource::seen_in(OrgId org, std::size_t limit) {
  auto query = [org, limit](db::Session& session) {
    return session.all<PresentPerson>(
        kSeenIn,
        [](const db::Row& row) {
          return PresentPerson{row.id<UserId>(0), row.string(1), false, from_millis(row.int64(2))};
        },
        org, static_cast<std::int64_t>(limit));
  };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Task<Result<void>> SqlSource::save(std::vector<LastSeen> seen) {
  auto change = [seen = std::move(seen)](db::WriteTx& tx) -> Result<void> {
    for (const auto& [user, at] : seen) {
      const std::array<db::Param, 2> row{user, to_millis(at)};
      INDABA_TRY_VOID(tx.sql().run_later(kSave, row));
    }
    return {};
  };
  auto writing = database_.write(db::Shard(), change);
  const auto written = co_await writing;
  if (!written) co_return written.error();
  co_return Result<void>();
}

}  // namespace indaba::presence
