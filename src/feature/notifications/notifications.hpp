// Notifications: what an organisation's members are told, as events on the organisation's stream
// "orgs/{org}/notifications".
//
// Admins and API keys publish; members read by page, by socket and by summary, and choose what
// counts as unread. Muting never changes what the stream delivers. Any executor; the database holds
// everything.
#pragma once

#include "api/endpoint.hpp"
#include "api/event_type.hpp"
#include "api/online.hpp"
#include "api/org_gate.hpp"
#include "api/stream_names.hpp"
#include "feature/orgs/orgs.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace indaba::notifications {

struct PageView {
  std::vector<json::Raw> results;  // events, oldest first
  Seq next_since;
  bool has_more = false;
  std::string epoch;
  Seq head;
};
BOOST_DESCRIBE_STRUCT(PageView, (), (results, next_since, has_more, epoch, head))

struct SummaryView {
  std::int64_t unread = 0;
  Seq last_read_seq;
  Seq head;
};
BOOST_DESCRIBE_STRUCT(SummaryView, (), (unread, last_read_seq, head))

struct PushPreferences {
  bool enabled = true;
  std::vector<api::EventType> types;  // none: all
  static constexpr std::array kDefaulted{std::string_view("enabled")};
};
BOOST_DESCRIBE_STRUCT(PushPreferences, (), (enabled, types))

struct Preferences {
  std::vector<api::EventType> muted_types;
  PushPreferences push;
  static constexpr std::array kDefaulted{std::string_view("push")};
};
BOOST_DESCRIBE_STRUCT(Preferences, (), (muted_types, push))

struct ActivityView {
  std::vector<json::Raw> results;  // the newest events, oldest first
  std::int64_t members_online = 0;
  json::Object events_today;  // by type, since midnight UTC
};
BOOST_DESCRIBE_STRUCT(ActivityView, (), (results, members_online, events_today))

// A notification that someone publishes. The members of `payload` stand at the top level of the
// event.
struct NewNotification {
  api::EventType type;
  json::Object payload;
  std::optional<json::Text<1, 200>> dedupe_key;
  std::optional<UserId> actor_id;  // the member who did it, where that is not the caller
};
BOOST_DESCRIBE_STRUCT(NewNotification, (), (type, payload, dedupe_key, actor_id))

struct Published {
  std::string event;  // the flat JSON object
  bool duplicate = false;
};

class Notifications {
 public:
  // All outlive this.
  Notifications(db::Database& database, api::OrgGate& gate, const api::OnlineMembers& online,
                const Clock& clock)
      : database_(database), gate_(gate), online_(online), clock_(clock) {}

  // Publishes inside somebody's write, in nobody's name: for background work. Its dedupe key holds
  // as everybody's.
  [[nodiscard]] static Result<void> announce(db::WriteTx& tx, const orgs::Org& org,
                                             const NewNotification& notification);
  // What goes with an account: what the user has read, and wants to be told of.
  [[nodiscard]] static Result<void> erase(db::WriteTx& tx, UserId user);
  void add_routes(api::Endpoints& endpoints);
  // "orgs/{org}/notifications" and "me".
  void add_streams(api::StreamNames& names);

  // The newest `limit` events, or those after `since`.
  Task<Result<PageView>> list(api::Membership org, std::optional<Seq> since, std::size_t limit);
  // One event whole, however long. not_found where there is none or it is no longer kept.
  Task<Result<std::string>> get(api::Membership org, Seq seq);
  // conflict where the dedupe key was used with other content.
  Task<Result<Published>> publish(api::Membership org, auth::Principal caller,
                                  NewNotification notification, api::Once once);
  Task<Result<SummaryView>> summary(api::Membership org, UserId user);
  // Moves the reader's position forward, never back, and never past the head.
  Task<Result<SummaryView>> read_up_to(api::Membership org, UserId user, Seq up_to);
  Task<Result<Preferences>> preferences(api::Membership org, UserId user);
  Task<Result<Preferences>> set_preferences(api::Membership org, UserId user, Preferences wanted);
  Task<Result<ActivityView>> activity(api::Membership org, std::size_t limit);

 private:
  Task<Result<api::ResolvedStream>> resolve_org_stream(auth::Principal principal,
                                                       api::PathParams params);
  Task<Result<api::ResolvedStream>> resolve_me(auth::Principal principal);
  Task<Result<std::optional<std::string>>> name_now(StreamId stream, OrgId org);

  db::Database& database_;
  api::OrgGate& gate_;
  const api::OnlineMembers& online_;
  const Clock& clock_;
};

// The stream's name as its readers know it.
[[nodiscard]] std::string stream_name(const api::Membership& org);

}  // namespace indaba::notifications
