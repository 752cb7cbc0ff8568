// Making, changing and deleting rooms.
#include "feature/chat/access.hpp"
#include "feature/chat/queries.hpp"
#include "stream/event_log.hpp"
#include "stream/retention.hpp"

#include <fmt/format.h>

namespace indaba::chat {

namespace {

constexpr std::int64_t kMostRooms = 1'000;
constexpr std::int64_t kPurgeAtOnce = 500;

Error slug_taken() {
  return Error(ErrorKind::conflict, "slug_taken", "This name in the address is taken.");
}

Result<void> check_slug_free(db::Session& session, OrgId org, const std::string& slug) {
  INDABA_TRY(const auto taken, queries::is_slug_taken(session, org, slug));
  if (taken) return slug_taken();
  return {};
}

Result<RoomRow> make_row(db::WriteTx& tx, const api::Membership& org, const NewRoom& wanted,
                         const Clock& clock, Random& random) {
  auto& sql = tx.sql();
  INDABA_TRY_VOID(check_slug_free(sql, org.org, wanted.slug.str()));
  INDABA_TRY(const auto rooms, queries::count_rooms(sql, org.org));
  if (rooms >= kMostRooms)
    return Error(ErrorKind::conflict, "too_many_rooms", "An organisation has at most 1000 rooms.");
  RoomRow room;
  room.org = org.org;
  room.org_slug = org.slug;
  room.slug = wanted.slug.str();
  room.name = wanted.name ? wanted.name->str() : room.slug;
  room.kind = wanted.kind;
  room.private_ = wanted.private_;
  room.slow_mode = wanted.slow_mode_seconds.value();
  const stream::NewStream fresh{
      .kind = "room", .org = org.org, .user = {}, .durable = true, .retention = {}};
  INDABA_TRY(room.stream, stream::create_stream(sql, fresh, clock, random));
  INDABA_TRY(room.id, queries::insert_room(sql, room, clock.wall()));
  return room;
}

// Whoever makes a room private must not shut themselves out.
Result<void> let_in(db::Session& session, const RoomRow& room, const auth::Principal& caller,
                    WallTime now) {
  if (!room.private_ || !caller.is_user()) return {};
  INDABA_TRY([[maybe_unused]] const auto added,
             queries::insert_member(session, room.org, room.id, caller.user, now));
  return {};
}

RoomRow patched(RoomRow room, const ChangeRoom& wanted) {
  if (wanted.slug) room.slug = wanted.slug->str();
  if (wanted.name) room.name = wanted.name->str();
  if (wanted.private_) room.private_ = *wanted.private_;
  if (wanted.slow_mode_seconds) room.slow_mode = wanted.slow_mode_seconds->value();
  return room;
}

}  // namespace

Result<RoomView> create_room(db::WriteTx& tx, const api::Membership& org, const NewRoom& wanted,
                             const Clock& clock, Random& random) {
  INDABA_TRY(const auto room, make_row(tx, org, wanted, clock, random));
  return view_of(room);
}

Task<Result<RoomList>> Chat::list(api::Membership org, auth::Principal caller, ListRooms wanted) {
  const auto name = fmt::format("rooms:{}", org.org.value);
  const auto limit = wanted.limit.value();
  queries::RoomFilter filter{caller.user, org.role >= auth::Role::admin, 0, limit + 1};
  if (wanted.cursor) {
    INDABA_CO_TRY(filter.after, parts_.cursors.open(wanted.cursor->str(), name));
  }
  auto query = [org = org.org, filter](db::Session& session) {
    return queries::page_rooms(session, org, filter);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(auto rooms, co_await reading);
  RoomList list;
  if (static_cast<std::int64_t>(rooms.size()) > limit) {
    rooms.pop_back();
    list.next_cursor = parts_.cursors.seal(rooms.back().id.value, name);
  }
  for (const auto& room : rooms) list.results.push_back(view_of(room));
  co_return list;
}

Task<Result<RoomView>> Chat::get(Place place, auth::Principal caller) {
  auto query = [place, caller](db::Session& session) -> Result<RoomView> {
    INDABA_TRY(const auto standing, standing_of(session, place, caller));
    return view_of(standing.room);
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

Task<Result<RoomView>> Chat::create(api::Membership org, auth::Principal caller, NewRoom wanted,
                                    api::Once once) {
  auto change = [parts = &parts_, org, caller, wanted, once](db::WriteTx& tx) -> Result<RoomView> {
    INDABA_TRY(const auto room, make_row(tx, org, wanted, parts->clock, parts->random));
    INDABA_TRY_VOID(let_in(tx.sql(), room, caller, parts->clock.wall()));
    auto view = view_of(room);
    once.keep(tx, [view](std::span<const db::Appended>) {
      return api::KeptAnswer{201, json::to_json(view)};
    });
    return view;
  };
  auto writing = parts_.database.write(db::Shard(org.org), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<RoomView>> Chat::change(Place place, auth::Principal caller, ChangeRoom wanted) {
  auto change = [parts = &parts_, place, caller, wanted](db::WriteTx& tx) -> Result<RoomView> {
    auto& sql = tx.sql();
    INDABA_TRY(const auto standing, standing_of(sql, place, caller));
    const auto& before = standing.room;
    const auto after = patched(before, wanted);
    if (after.slug != before.slug) {
      INDABA_TRY_VOID(check_slug_free(sql, before.org, after.slug));
    }
    INDABA_TRY_VOID(queries::update_room(sql, after));
    if (after.slug != before.slug) parts->changes.record(tx, api::StreamRenamed{before.stream});
    if (after.private_ && !before.private_) {
      INDABA_TRY_VOID(let_in(sql, after, caller, parts->clock.wall()));
      parts->changes.record(tx, api::StreamClosed{before.stream});  // its readers must look again
    }
    return view_of(after);
  };
  auto writing = parts_.database.write(place.shard(), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<void>> Chat::remove(Place place, auth::Principal caller) {
  auto change = [this, now = parts_.clock.wall(), place, caller](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY(const auto standing, standing_of(tx.sql(), place, caller));
    const auto& room = standing.room;
    INDABA_TRY_VOID(queries::mark_deleted(tx.sql(), room.org, room.id, now));
    parts_.changes.record(tx, api::StreamClosed{room.stream});
    return {};
  };
  auto writing = parts_.database.write(place.shard(), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return Result<void>();
}

Task<Result<std::int64_t>> Chat::purge() {
  std::int64_t purged = 0;
  for (;;) {
    auto query = [](db::Session& session) { return queries::find_deleted_room(session); };
    auto reading = parts_.database.read(query);
    INDABA_CO_TRY(const auto found, co_await reading);
    if (!found) co_return purged;
    for (;;) {
      auto change = [id = found->id](db::WriteTx& tx) {
        return queries::delete_messages(tx.sql(), id, kPurgeAtOnce);
      };
      auto writing = parts_.database.write(db::Shard(found->stream.value), change);
      INDABA_CO_TRY(const auto written, co_await writing);
      if (written.value < kPurgeAtOnce) break;
    }
    stream::TrimRequest everything;
    everything.policy.otherwise = Millis(0);
    everything.stream = found->stream;
    everything.now = parts_.clock.wall() + std::chrono::days(1);
    auto trimming = stream::trim(parts_.database, everything, nullptr);
    INDABA_CO_TRY([[maybe_unused]] const auto trimmed, co_await trimming);
    auto change = [room = *found](db::WriteTx& tx) -> Result<void> {
      stream::delete_stream(tx, room.stream);
      return queries::delete_room(tx.sql(), room.id);
    };
    auto writing = parts_.database.write(db::Shard(found->stream.value), change);
    INDABA_CO_TRY_VOID(co_await writing);
    ++purged;
  }
}

}  // namespace indaba::chat
