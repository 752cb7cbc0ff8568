#include "feature/notifications/notifications.hpp"

#include "api/whole_event.hpp"
#include "base/json.hpp"
#include "feature/notifications/queries.hpp"
#include "stream/rendering.hpp"
#include "stream/sql_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace indaba::notifications {

namespace {

// Counting by type looks at no more than these newest events.
constexpr std::int64_t kMostCounted = 10'000;
constexpr std::size_t kPageBytes = 4 * 1024 * 1024;
constexpr std::array<std::string_view, 2> kNeverMuted{"alert", "security"};

std::vector<json::Raw> render(const stream::Page& page, std::string_view name) {
  std::vector<json::Raw> out;
  out.reserve(page.events.size());
  for (const auto& event : page.events) out.push_back({stream::to_json(*event, name)});
  return out;
}

// The payload's members, to stand behind the event's own. A reserved name is the caller's mistake.
Result<std::string> flattened(const json::Object& payload) {
  INDABA_TRY(const auto value, json::parse(payload.text));
  Error error(ErrorKind::invalid, "The payload uses reserved names.");
  for (const auto& member : value.as_object())
    if (api::is_reserved_member(member.key()))
      error.fields.push_back({"payload." + std::string(member.key()), "reserved_field",
                              "This name belongs to the event itself."});
  if (!error.fields.empty()) return error;
  if (value.as_object().empty()) return std::string();
  return "," + payload.text.substr(1, payload.text.size() - 2);
}

// What stands behind the event's type and place: the payload, and who did it.
Result<std::string> event_body(db::Session& session, OrgId org, const auth::Principal& caller,
                               const NewNotification& notification) {
  INDABA_TRY(auto body, flattened(notification.payload));
  auto actor = orgs::actor_of(caller);
  if (notification.actor_id) {
    INDABA_TRY(const auto member, orgs::find_member(session, org, *notification.actor_id));
    if (!member) return Error::invalid_field("actor_id", "There is no such member.");
    actor = orgs::Actor{UserId(member->id), member->username};
  }
  orgs::append_actor(body, actor);
  return body;
}

// Nothing has a hole, so the unread ones are a difference; only what is muted must be counted,
// among the newest.
Result<SummaryView> summarise(db::Session& session, const api::Membership& org, UserId user) {
  INDABA_TRY(const auto state, stream::read_state(session, org.notifications));
  INDABA_TRY(auto last_read, queries::find_last_read(session, org.org, user));
  INDABA_TRY(const auto preferences, queries::find_preferences(session, org.org, user));
  last_read = std::min(last_read, state.head);  // a restored log may be shorter
  const auto from = std::max(last_read.value, state.oldest.value - 1);
  SummaryView view{state.head.value - from, last_read, state.head};
  if (!preferences || preferences->muted_types.empty() || view.unread == 0) return view;
  INDABA_TRY(const auto counts,
             queries::count_after(session, org.notifications, last_read, kMostCounted));
  for (const auto& type : preferences->muted_types)
    if (const auto it = counts.find(type.str()); it != counts.end()) view.unread -= it->second;
  return view;
}

}  // namespace

std::string stream_name(const api::Membership& org) {
  return fmt::format("orgs/{}/notifications", org.slug);
}

Task<Result<PageView>> Notifications::list(api::Membership org, std::optional<Seq> since,
                                           std::size_t limit) {
  auto query = [org, since, limit](db::Session& session) -> Result<PageView> {
    const stream::PageLimit page_limit{limit, kPageBytes};
    INDABA_TRY(const auto page,
               since ? stream::read_page_after(session, org.notifications, *since, page_limit)
                     : stream::read_newest_page(session, org.notifications, page_limit));
    PageView view;
    view.results = render(page, stream_name(org));
    view.epoch = page.state.epoch;
    view.head = page.state.head;
    // A position past the head is one of another epoch: go on from here.
    view.next_since = page.events.empty() ? view.head : page.events.back()->seq;
    view.has_more = view.next_since < view.head;
    return view;
  };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Task<Result<std::string>> Notifications::get(api::Membership org, Seq seq) {
  auto query = [org, seq](db::Session& session) {
    return api::read_whole_event(session, org.notifications, stream_name(org), seq);
  };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Task<Result<Published>> Notifications::publish(api::Membership org, auth::Principal caller,
                                               NewNotification notification, api::Once once) {
  auto change = [org, caller, notification, once](db::WriteTx& tx) -> Result<std::string> {
    INDABA_TRY(auto body, event_body(tx.sql(), org.org, caller, notification));
    const auto& key = notification.dedupe_key;
    tx.append({org.notifications, notification.type.str(), body, key ? key->str() : std::string()});
    once.keep(tx, [type = notification.type.str(), name = stream_name(org),
                   body](std::span<const db::Appended> events) {
      const auto& place = events.front();
      return api::KeptAnswer{place.duplicate ? 200 : 201,
                             api::whole_event(type, name, place.seq, place.created_at, body)};
    });
    return body;
  };
  auto writing = database_.write(db::Shard(org.org), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  const auto& place = written.events.front();
  co_return Published{api::whole_event(notification.type.str(), stream_name(org), place.seq,
                                       place.created_at, written.value),
                      place.duplicate};
}

Result<void> Notifications::announce(db::WriteTx& tx, const orgs::Org& org,
                                     const NewNotification& notification) {
  INDABA_TRY(auto body, event_body(tx.sql(), org.id, auth::Principal{}, notification));
  const auto& key = notification.dedupe_key;
  tx.append({org.notifications, notification.type.str(), std::move(body),
             key ? key->str() : std::string()});
  return {};
}

Task<Result<SummaryView>> Notifications::summary(api::Membership org, UserId user) {
  auto query = [org, user](db::Session& session) -> Result<SummaryView> {
    return summarise(session, org, user);
  };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Task<Result<SummaryView>> Notifications::read_up_to(api::Membership org, UserId user, Seq up_to) {
  auto change = [org, user, up_to](db::WriteTx& tx) -> Result<SummaryView> {
    INDABA_TRY(const auto state, stream::read_state(tx.sql(), org.notifications));
    INDABA_TRY_VOID(queries::move_last_read(tx.sql(), org.org, user, std::min(up_to, state.head)));
    return summarise(tx.sql(), org, user);
  };
  auto writing = database_.write(db::Shard(org.org), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  co_return written.value;
}

Task<Result<Preferences>> Notifications::preferences(api::Membership org, UserId user) {
  auto query = [org, user](db::Session& session) -> Result<Preferences> {
    INDABA_TRY(auto found, queries::find_preferences(session, org.org, user));
    return found ? *std::move(found) : Preferences{};
  };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Task<Result<Preferences>> Notifications::set_preferences(api::Membership org, UserId user,
                                                         Preferences wanted) {
  for (std::size_t i = 0; i < wanted.muted_types.size(); ++i)
    if (std::ranges::find(kNeverMuted, wanted.muted_types[i].str()) != kNeverMuted.end())
      co_return Error::invalid_field(fmt::format("muted_types.{}", i),
                                     "Alerts and security notices cannot be muted.");
  auto change = [org, user, wanted](db::WriteTx& tx) {
    return queries::put_preferences(tx.sql(), org.org, user, wanted);
  };
  auto writing = database_.write(db::Shard(org.org), change);
  INDABA_CO_TRY([[maybe_unused]] const auto written, co_await writing);
  co_return wanted;
}

Task<Result<ActivityView>> Notifications::activity(api::Membership org, std::size_t limit) {
  const auto midnight = std::chrono::floor<std::chrono::days>(clock_.wall());
  auto query = [org, limit, midnight](db::Session& session) -> Result<ActivityView> {
    INDABA_TRY(const auto page,
               stream::read_newest_page(session, org.notifications, {limit, kPageBytes}));
    INDABA_TRY(const auto today,
               queries::count_since(session, org.notifications, midnight, kMostCounted));
    ActivityView view;
    view.results = render(page, stream_name(org));
    view.events_today.text = "{";
    for (const auto& [type, events] : today)
      json::append_member(view.events_today.text, type, events);
    view.events_today.text += '}';
    return view;
  };
  auto reading = database_.read(query);
  INDABA_CO_TRY(auto view, co_await reading);
  view.members_online = online_.online(org.org);
  co_return view;
}

void Notifications::add_streams(api::StreamNames& names) {
  names.add("orgs/{org}/notifications", [this](auth::Principal principal, api::PathParams params) {
    return resolve_org_stream(std::move(principal), std::move(params));
  });
  names.add("me", [this](auth::Principal principal, api::PathParams) {
    return resolve_me(std::move(principal));
  });
  names.add_namer([this](StreamId stream, OrgId org) { return name_now(stream, org); });
}

Task<Result<std::optional<std::string>>> Notifications::name_now(StreamId stream, OrgId org) {
  auto query = [stream, org](db::Session& session) {
    return queries::find_slug_of_stream(session, org, stream);
  };
  auto reading = database_.read(query);
  INDABA_CO_TRY(const auto slug, co_await reading);
  if (!slug) co_return std::nullopt;
  co_return "orgs/" + *slug + "/notifications";
}

Task<Result<api::ResolvedStream>> Notifications::resolve_org_stream(auth::Principal principal,
                                                                    api::PathParams params) {
  if (principal.kind == auth::PrincipalKind::api_key && !principal.has_scope("read"))
    co_return Error(ErrorKind::not_found, "There is no such stream.");
  auto asking = gate_.membership(std::move(principal), std::string(params.text("org")));
  INDABA_CO_TRY(const auto org, co_await asking);
  co_return api::ResolvedStream{org.notifications, org.org, org.slug, {}, true};
}

Task<Result<api::ResolvedStream>> Notifications::resolve_me(auth::Principal principal) {
  if (!principal.is_user()) co_return Error(ErrorKind::not_found, "There is no such stream.");
  auto query = [user = principal.user](db::Session& session) {
    return auth::find_user(session, user);
  };
  auto reading = database_.read(query);
  INDABA_CO_TRY(const auto user, co_await reading);
  if (!user) co_return Error(ErrorKind::not_found, "There is no such stream.");
  co_return api::ResolvedStream{user->me_stream, OrgId(), {}, {}, true};
}

Result<void> Notifications::erase(db::WriteTx& tx, UserId user) {
  return queries::erase_user(tx.sql(), user);
}

}  // namespace indaba::notifications
