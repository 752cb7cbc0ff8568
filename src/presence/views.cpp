#include "presence/views.hpp"

#include "presence/changes.hpp"

#include <algorithm>
#include <unordered_set>

namespace indaba::presence {

namespace {

using Call = api::Call<api::Nothing, PresenceQuery>;

Task<Result<api::Reply<PresenceList>>> list(Views& views, Call call) {
  const auto limit = static_cast<std::size_t>(static_cast<std::int64_t>(call.query.limit));
  auto listing = views.of_org(call.org->org, call.principal.user, limit);
  INDABA_CO_TRY(auto view, co_await listing);
  co_return api::ok(std::move(view));
}

void forget(std::vector<PresentPerson>& people, const std::vector<UserId>& blocked) {
  std::erase_if(people, [&](const PresentPerson& person) {
    return std::ranges::find(blocked, person.id) != blocked.end();
  });
}

// Those who just went are known here before the database knows them.
std::vector<PresentPerson> merge_gone(std::vector<PresentPerson> just_left,
                                      std::vector<PresentPerson> saved) {
  std::unordered_set<UserId> known;
  for (const auto& person : just_left) known.insert(person.id);
  std::erase_if(saved, [&](const PresentPerson& person) { return known.contains(person.id); });
  just_left.insert(just_left.end(), saved.begin(), saved.end());
  std::ranges::sort(just_left, [](const PresentPerson& a, const PresentPerson& b) {
    return a.last_seen != b.last_seen ? a.last_seen > b.last_seen : a.id < b.id;
  });
  return just_left;
}

}  // namespace

void Views::add_routes(api::Endpoints& endpoints) {
  endpoints.get<PresenceQuery, PresenceList>(
      "/api/v1/orgs/{org}/presence",
      {.summary = "Who is online, and when the others were last seen",
       .description = "Members who are online first, then those who were seen last.",
       .tag = "presence",
       .scope = "read"},
      [this](Call call) { return list(*this, std::move(call)); });
}

Task<Result<PresenceList>> Views::of_org(OrgId org, UserId caller, std::size_t limit) {
  auto asking = source_.blocked_around(caller);
  INDABA_CO_TRY(const auto blocked, co_await asking);
  PresenceList view;
  view.count = presence_.online(org);
  auto people = presence_.online_users(org, limit + blocked.size());
  forget(people, blocked);
  if (people.size() < limit) {
    // Whoever is online, or blocked, may be among the latest who were seen too.
    auto reading =
        source_.seen_in(org, limit + blocked.size() + static_cast<std::size_t>(view.count));
    INDABA_CO_TRY(auto saved, co_await reading);
    auto gone = merge_gone(presence_.just_left(org), std::move(saved));
    forget(gone, blocked);
    std::erase_if(gone, [&](const auto& person) { return presence_.is_online(person.id); });
    people.insert(people.end(), gone.begin(), gone.end());
  }
  people.resize(std::min(limit, people.size()));
  for (auto& person : people)
    view.users.push_back({{person.id, std::move(person.username)},
                          person.online ? PresenceStatus::online : PresenceStatus::offline,
                          person.last_seen});
  co_return view;
}

Task<Result<State>> Views::of_peer(UserId peer, UserId caller) {
  auto asking = blocked(peer, caller);
  INDABA_CO_TRY(const bool hidden, co_await asking);
  State state;
  if (!hidden) state.users = presence_.online_among({&peer, 1});
  state.count_online = static_cast<std::int64_t>(state.users.size());
  co_return state;
}

Task<Result<bool>> Views::blocked(UserId one, UserId other) {
  auto asking = source_.unblocked({{one, other}});
  INDABA_CO_TRY(const auto free, co_await asking);
  co_return free.empty();
}

Task<Result<State>> Views::of_stream(Viewpoint place, UserId caller) {
  if (place.peer) co_return co_await of_peer(place.peer, caller);
  State state;
  if (!place.org) co_return state;
  std::vector<StreamId> streams{place.stream};
  auto asking = audiences_.of(std::move(streams));
  INDABA_CO_TRY(const auto audiences, co_await asking);
  const auto& audience = *audiences.front();
  if (audience.kind == Audience::Kind::listed) {
    state.users = presence_.online_among(audience.listed);
    state.count_online = static_cast<std::int64_t>(state.users.size());
  } else {
    state.count_online = presence_.online(place.org);
    if (state.count_online <= Changes::kMostNamed)
      state.users = presence_.online_users(place.org, Changes::kMostNamed);
  }
  if (state.count_online > Changes::kMostNamed) state.users.clear();
  if (state.users.empty()) co_return state;
  auto reading = source_.blocked_around(caller);
  INDABA_CO_TRY(const auto blocked, co_await reading);
  forget(state.users, blocked);
  co_return state;
}

}  // namespace indaba::presence
