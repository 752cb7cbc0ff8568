#include "presence/changes.hpp"

#include "base/json_write.hpp"

#include <algorithm>
#include <unordered_set>

namespace indaba::presence {

namespace {

// Of one read or write: so many are a few milliseconds.
constexpr std::size_t kPlacedAtOnce = 500;
constexpr std::size_t kSavedAtOnce = 1'000;

void append_change(std::string& out, const PresentPerson& person) {
  out += out.empty() ? "" : ",";
  out += R"({"user":{)";
  json::append_member(out, "id", person.id);
  json::append_member(out, "username", person.username);
  out += '}';
  json::append_member(out, "status", person.online ? "online" : "offline");
  json::append_member(out, "last_seen", person.last_seen);
  out += '}';
}

std::string body_of(const std::string& changes) {
  return changes.empty() ? std::string() : R"(,"changes":[)" + changes + ']';
}

std::string count_body(std::int64_t online) {
  std::string body;
  json::append_member(body, "count_online", online);
  return body;
}

}  // namespace

Task<void> Changes::gather() {
  parts_.presence.tick();
  auto placing = place_newcomers();
  co_await placing;
  const auto changes = parts_.presence.take_changes();
  if (changes.empty()) co_return;
  changes_.fetch_add(changes.size(), std::memory_order_relaxed);
  const auto followed = parts_.followed.all();
  auto groups = tell_groups(changes, followed);
  co_await groups;
  auto peers = tell_peers(changes, followed);
  co_await peers;
}

Task<void> Changes::place_newcomers() {
  const auto wanted = parts_.presence.unplaced();
  for (std::size_t at = 0; at < wanted.size(); at += kPlacedAtOnce) {
    const auto some = std::span(wanted).subspan(at, std::min(kPlacedAtOnce, wanted.size() - at));
    auto placing = parts_.source.place({some.begin(), some.end()});
    const auto placed = co_await placing;
    if (!placed) {
      parts_.log.warn("presence", "who came online could not be told yet",
                      {{"reason", placed.error().log}});
      parts_.presence.want_places(std::span(wanted).subspan(at));
      co_return;
    }
    for (const auto& user : *placed) parts_.presence.place(user.user, user.username, user.orgs);
  }
}

// --- organisations and rooms
// ------------------------------------------------------------------------------------------------------

std::string Changes::body_for(const Audience& audience, Gathered changes, Bodies& bodies) const {
  const bool named = audience.members <= kMostNamed;
  if (audience.kind == Audience::Kind::org) {
    if (!named) return count_body(parts_.presence.online(audience.org));
    auto& body = bodies[audience.org];
    if (!body.empty()) return body;
    std::string list;
    for (const auto& change : changes)
      if (std::ranges::find(change.orgs, audience.org) != change.orgs.end())
        append_change(list, change.person);
    return body = body_of(list);
  }
  if (audience.kind != Audience::Kind::listed) return {};
  std::string list;
  for (const auto& change : changes)
    if (std::ranges::binary_search(audience.listed, change.person.id))
      append_change(list, change.person);
  if (named || list.empty()) return body_of(list);
  return count_body(
      static_cast<std::int64_t>(parts_.presence.online_among(audience.listed).size()));
}

Task<void> Changes::tell_groups(Gathered changes,
                                const std::vector<FollowedStreams::Followed>& followed) {
  std::unordered_set<OrgId> orgs;
  for (const auto& change : changes) orgs.insert(change.orgs.begin(), change.orgs.end());
  std::vector<StreamId> streams;
  for (const auto& one : followed)
    if (one.org && !one.peer && orgs.contains(one.org)) streams.push_back(one.stream);
  if (streams.empty()) co_return;
  auto asking = parts_.audiences.of(std::move(streams));
  const auto audiences = co_await asking;
  if (!audiences) {
    parts_.log.warn("presence", "changes of presence could not be told",
                    {{"reason", audiences.error().log}});
    co_return;
  }
  Bodies bodies;
  for (const auto& audience : *audiences)
    publish(audience->stream, body_for(*audience, changes, bodies));
}

// --- conversations
// ----------------------------------------------------------------------------------------------------------------

Task<void> Changes::tell_peers(Gathered changes,
                               const std::vector<FollowedStreams::Followed>& followed) {
  std::unordered_map<UserId, const PresentPerson*> changed;
  for (const auto& change : changes) changed.emplace(change.person.id, &change.person);
  std::vector<FollowedStreams::Followed> concerned;
  std::vector<UserPair> pairs;
  for (const auto& one : followed)
    if (one.peer && changed.contains(one.peer)) {
      concerned.push_back(one);
      pairs.push_back({one.follower, one.peer});
    }
  if (concerned.empty()) co_return;
  auto asking = parts_.source.unblocked(std::move(pairs));
  const auto free = co_await asking;
  if (!free) {
    parts_.log.warn("presence", "changes of presence could not be told",
                    {{"reason", free.error().log}});
    co_return;
  }
  auto next = free->begin();
  for (const auto& one : concerned) {
    if (next == free->end() || *next != UserPair{one.follower, one.peer}) continue;
    ++next;
    std::string list;
    append_change(list, *changed.at(one.peer));
    // The stream is both's: what is said of one is for the other.
    publish(one.stream, body_of(list), one.peer);
  }
}

void Changes::publish(StreamId stream, std::string body, UserId except) {
  if (body.empty()) return;
  frames_.fetch_add(1, std::memory_order_relaxed);
  parts_.publisher.publish_sign(stream, "presence", std::move(body), except);
}

// --- last_seen
// --------------------------------------------------------------------------------------------------------------------

Task<void> Changes::save() {
  for (auto batch = parts_.presence.take_unsaved(kSavedAtOnce); !batch.empty();
       batch = parts_.presence.take_unsaved(kSavedAtOnce)) {
    auto saving = parts_.source.save(batch);
    const auto saved = co_await saving;
    if (!saved) {
      parts_.log.warn("presence", "when people were last seen could not be saved",
                      {{"reason", saved.error().log}});
      parts_.presence.on_not_saved(batch);
      co_return;
    }
    parts_.presence.on_saved(batch);
  }
}

Task<void> Changes::save_everyone() {
  const auto all = parts_.presence.everyone();
  for (std::size_t at = 0; at < all.size(); at += kSavedAtOnce) {
    const auto some = std::span(all).subspan(at, std::min(kSavedAtOnce, all.size() - at));
    auto saving = parts_.source.save({some.begin(), some.end()});
    const auto saved = co_await saving;
    if (!saved) {
      parts_.log.warn("presence", "when people were last seen could not be saved",
                      {{"reason", saved.error().log}});
      co_return;
    }
  }
}

}  // namespace indaba::presence
