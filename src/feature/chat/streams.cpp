// The names of a room's stream, and who may read it.
#include "base/text.hpp"
#include "feature/chat/access.hpp"
#include "feature/chat/queries.hpp"

namespace indaba::chat {

namespace {

// "orgs/acme/rooms/general" or "channels/1", with slashes at its ends or without.
struct Named {
  std::string org;
  std::string slug;
  RoomId room;
};

std::optional<Named> parse_name(std::string_view stream) {
  if (stream.starts_with('/')) stream.remove_prefix(1);
  if (stream.ends_with('/')) stream.remove_suffix(1);
  const auto parts = text::split(stream, '/');
  if (parts.size() == 4 && parts[0] == "orgs" && parts[2] == "rooms")
    return Named{std::string(parts[1]), std::string(parts[3]), RoomId()};
  if (parts.size() != 2 || parts[0] != "channels") return std::nullopt;
  const auto id = text::parse_int64(parts[1]);
  if (!id || *id <= 0 || *id > kMaxSeq.value) return std::nullopt;
  return Named{{}, {}, RoomId(*id)};
}

}  // namespace

Task<Result<Place>> Chat::place_of(std::string stream) {
  const auto named = parse_name(stream);
  if (!named) co_return no_such_room();
  if (named->room) {
    auto query = [room = named->room](db::Session& session) {
      return queries::find_org_of_room(session, room);
    };
    auto reading = parts_.database.read(query);
    INDABA_CO_TRY(const auto org, co_await reading);
    if (!org) co_return no_such_room();
    co_return Place{*org, named->room, {}};
  }
  auto asking = parts_.gate.org_id(named->org);
  const auto org = co_await asking;
  if (!org && org.error().kind == ErrorKind::not_found) co_return no_such_room();
  if (!org) co_return org.error();
  co_return Place{*org, RoomId(), named->slug};
}

void Chat::add_streams(api::StreamNames& names) {
  names.add("orgs/{org}/rooms/{room}", [this](auth::Principal principal, api::PathParams params) {
    return resolve(std::move(principal), stream_name(params.text("org"), params.text("room")));
  });
  names.add("channels/{id}", [this](auth::Principal principal, api::PathParams params) {
    return resolve(std::move(principal), "channels/" + std::string(params.text("id")));
  });
}

Task<Result<api::ResolvedStream>> Chat::resolve(auth::Principal principal, std::string stream) {
  const Error unknown(ErrorKind::not_found, "There is no such stream.");
  if (principal.kind == auth::PrincipalKind::api_key && !principal.has_scope("read"))
    co_return unknown;
  auto placing = place_of(std::move(stream));
  const auto place = co_await placing;
  if (!place && place.error().kind == ErrorKind::not_found) co_return unknown;
  if (!place) co_return place.error();
  auto query = [place = *place, principal](db::Session& session) {
    return standing_of(session, place, principal);
  };
  auto reading = parts_.database.read(query);
  const auto standing = co_await reading;
  if (!standing && standing.error().kind == ErrorKind::not_found) co_return unknown;
  if (!standing) co_return standing.error();
  const auto& room = standing->room;
  co_return api::ResolvedStream{room.stream, room.org, room.org_slug, {}, true};
}

}  // namespace indaba::chat
