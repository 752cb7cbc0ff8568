// Views: who is online, as one person may see it: the answer to a `presence` frame, and
// GET orgs/{org}/presence. Whoever has blocked the other, neither is named to the other.
//
// Any executor.
#pragma once

#include "api/endpoint.hpp"
#include "presence/stream_audiences.hpp"

#include <boost/describe.hpp>
#include <string>
#include <vector>

namespace indaba::presence {

struct NamedUser {
  UserId id;
  std::string username;
};
BOOST_DESCRIBE_STRUCT(NamedUser, (), (id, username))

enum class PresenceStatus : std::uint8_t { online, offline };
BOOST_DESCRIBE_ENUM(PresenceStatus, online, offline)

struct PresentView {
  NamedUser user;
  PresenceStatus status = PresenceStatus::online;
  WallTime last_seen{};
};
BOOST_DESCRIBE_STRUCT(PresentView, (), (user, status, last_seen))

struct PresenceList {
  std::vector<PresentView> users;  // online first, then the latest seen
  std::int64_t count = 0;          // who is online, however many are listed
};
BOOST_DESCRIBE_STRUCT(PresenceList, (), (users, count))

struct PresenceQuery {
  json::Int<1, 200> limit{100};
  static constexpr std::array kDefaulted{std::string_view("limit")};
};
BOOST_DESCRIBE_STRUCT(PresenceQuery, (), (limit))

// Where a reader asks from.
struct Viewpoint {
  StreamId stream;
  OrgId org;
  UserId peer;
};

struct State {
  std::vector<PresentPerson> users;  // nobody where there are too many to name
  std::int64_t count_online = 0;
};

class Views {
 public:
  Views(const Presence& presence, Source& source, StreamAudiences& audiences)
      : presence_(presence), source_(source), audiences_(audiences) {}

  void add_routes(api::Endpoints& endpoints);

  Task<Result<PresenceList>> of_org(OrgId org, UserId caller, std::size_t limit);
  Task<Result<State>> of_stream(Viewpoint place, UserId caller);
  // Has one of the two blocked the other?
  Task<Result<bool>> blocked(UserId one, UserId other);

 private:
  Task<Result<State>> of_peer(UserId peer, UserId caller);

  const Presence& presence_;
  Source& source_;
  StreamAudiences& audiences_;
};

}  // namespace indaba::presence
