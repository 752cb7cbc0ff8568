// The names of the streams of rooms and conversations, and who may read them.
#include "base/text.hpp"
#include "feature/chat/access.hpp"
#include "feature/chat/queries.hpp"

namespace indaba::chat {

namespace {

// "orgs/acme/rooms/general", "channels/1" or "conversations/7", with slashes at its ends or
// without.
struct Named {
  std::string org;
  std::string slug;
  RoomId room;
  UserId peer;
};

std::optional<Named> parse_name(std::string_view stream) {
  if (stream.starts_with('/')) stream.remove_prefix(1);
  if (stream.ends_with('/')) stream.remove_suffix(1);
  const auto parts = text::split(stream, '/');
  if (parts.size() == 4 && parts[0] == "orgs" && parts[2] == "rooms")
    return Named{std::string(parts[1]), std::string(parts[3]), RoomId(), UserId()};
  if (parts.size() != 2) return std::nullopt;
  const auto id = text::parse_int64(parts[1]);
  if (!id || *id <= 0 || *id > kMaxSeq.value) return std::nullopt;
  if (parts[0] == "channels") return Named{{}, {}, RoomId(*id), UserId()};
  if (parts[0] == "conversations") return Named{{}, {}, RoomId(), UserId(*id)};
  return std::nullopt;
}

}  // namespace

Task<Result<Place>> Chat::place_of(std::string stream, UserId caller) {
  const auto named = parse_name(stream);
  if (!named) co_return no_such_room();
  if (named->peer) co_return conversation_with(caller, named->peer);
  if (named->room) {
    auto query = [room = named->room](db::Session& session) {
      return queries::find_org_of_room(session, room);
    };
    auto reading = parts_.database.read(query);
    INDABA_CO_TRY(const auto org, co_await reading);
    if (!org) co_return no_such_room();
    co_return Place{*org, named->room, {}, UserId(), UserId()};
  }
  auto asking = parts_.gate.org_id(named->org);
  const auto org = co_await asking;
  if (!org && org.error().kind == ErrorKind::not_found) co_return no_such_room();
  if (!org) co_return org.error();
  co_return Place{*org, RoomId(), named->slug, UserId(), UserId()};
}

void Chat::add_streams(api::StreamNames& names) {
  names.add("orgs/{org}/rooms/{room}", [this](auth::Principal principal, api::PathParams params) {
    return resolve(std::move(principal), stream_name(params.text("org"), params.text("room")));
  });
  names.add("channels/{id}", [this](auth::Principal principal, api::PathParams params) {
    return resolve(std::move(principal), "channels/" + std::string(params.text("id")));
  });
  names.add("conversations/{user_id}", [this](auth::Principal principal, api::PathParams params) {
    return resolve(std::move(principal), "conversations/" + std::string(params.text("user_id")));
  });
  names.add_namer([this](StreamId stream, OrgId org) { return name_now(stream, org); });
}

Task<Result<std::optional<std::string>>> Chat::name_now(StreamId stream, OrgId org) {
  auto query = [stream, org](db::Session& session) {
    return queries::find_slugs_of_stream(session, org, stream);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(const auto slugs, co_await reading);
  if (!slugs) co_return std::nullopt;
  co_return stream_name(slugs->first, slugs->second);
}

Task<Result<api::ResolvedStream>> Chat::resolve(auth::Principal principal, std::string stream) {
  const Error unknown(ErrorKind::not_found, "There is no such stream.");
  if (principal.kind == auth::PrincipalKind::api_key && !principal.has_scope("read"))
    co_return unknown;
  auto placing = place_of(std::move(stream), principal.user);
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
  api::ResolvedStream resolved;
  resolved.id = standing->room.stream;
  resolved.org = standing->room.org;
  resolved.org_slug = standing->room.org_slug;
  resolved.peer = standing->peer;
  if (!resolved.id) {
    // Whoever listens must hear the first word, so it begins here.
    INDABA_CO_TRY_VOID(charge(principal));
    auto beginning = begin_conversation(*place, std::move(principal));
    INDABA_CO_TRY(resolved.id, co_await beginning);
  }
  co_return resolved;
}

}  // namespace indaba::chat
