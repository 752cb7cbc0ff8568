// One's own account: the profile, the sessions, what is unread, whom one does not want to hear.
#include "feature/account/queries.hpp"
#include "feature/account/service.hpp"
#include "stream/event_log.hpp"

namespace indaba::account {

namespace {

Error no_such_user() {
  return Error(ErrorKind::not_found, "There is no such user.");
}

bool is_time_of_day(std::string_view text) noexcept {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4))
    return false;
  return text.substr(0, 2) <= "23" && text.substr(3) <= "59";
}

Result<auth::User> user_of(db::Session& session, UserId id) {
  INDABA_TRY(auto user, auth::find_user(session, id));
  if (!user || !user->active) return no_such_user();
  return *std::move(user);
}

// All fields that are wrong, not only the first.
Result<void> check_change(const ChangeProfile& body) {
  Error wrong(ErrorKind::invalid, "Some values are not valid.");
  const auto note = [&](const Result<void>& result) {
    if (result) return;
    const Error error = result.error();  // by value: Boost 1.81 gives a copy at every call
    wrong.fields.insert(wrong.fields.end(), error.fields.begin(), error.fields.end());
  };
  if (body.email.has_value()) note(check_email(*body.email));
  if (body.locale) note(check_locale(*body.locale));
  if (body.time_zone) note(check_time_zone(*body.time_zone));
  if (body.quiet_hours.has_value()) {
    if (!is_time_of_day(body.quiet_hours->start))
      note(Error::invalid_field("quiet_hours.start", "must be a time of day such as \"22:00\"."));
    if (!is_time_of_day(body.quiet_hours->end))
      note(Error::invalid_field("quiet_hours.end", "must be a time of day such as \"07:00\"."));
  }
  if (wrong.fields.empty()) return {};
  return wrong;
}

void apply(const ChangeProfile& body, auth::User& user) {
  if (body.display_name) user.display_name = body.display_name->str();
  if (body.email.has_value()) user.email = *body.email;
  if (body.email.is_null()) user.email.reset();
  if (body.locale) user.locale = *body.locale;
  if (body.time_zone) user.time_zone = *body.time_zone;
  if (body.quiet_hours.has_value()) {
    user.quiet_start = body.quiet_hours->start;
    user.quiet_end = body.quiet_hours->end;
  }
  if (body.quiet_hours.is_null()) {
    user.quiet_start.reset();
    user.quiet_end.reset();
  }
}

}  // namespace

Result<Profile> load_profile(db::Session& session, UserId id) {
  INDABA_TRY(auto user, user_of(session, id));
  INDABA_TRY(const auto orgs, orgs::list_orgs_of(session, id));
  Profile profile;
  profile.id = id;
  profile.username = std::move(user.username);
  profile.display_name = std::move(user.display_name);
  profile.email = std::move(user.email);
  profile.locale = std::move(user.locale);
  profile.time_zone = std::move(user.time_zone);
  if (user.quiet_start && user.quiet_end)
    profile.quiet_hours = QuietHours{*user.quiet_start, *user.quiet_end};
  profile.avatar = std::move(user.avatar);
  if (user.superuser) profile.roles.emplace_back("superuser");
  for (const auto& [org, role] : orgs) profile.orgs.push_back({org.slug, role});
  return profile;
}

Task<Result<api::Reply<Profile>>> Accounts::show(api::Call<> call) {
  auto query = [user = call.principal.user](db::Session& session) {
    return load_profile(session, user);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(auto profile, co_await reading);
  co_return api::ok(std::move(profile));
}

Task<Result<api::Reply<Profile>>> Accounts::change(api::Call<ChangeProfile> call) {
  INDABA_CO_TRY_VOID(check_change(call.body));
  auto change = [this, body = call.body,
                 id = call.principal.user](db::WriteTx& tx) -> Result<Profile> {
    INDABA_TRY(auto user, user_of(tx.sql(), id));
    apply(body, user);
    INDABA_TRY_VOID(queries::update_profile(tx.sql(), user));
    parts_.changes.record(tx, api::UserChanged{id});
    return load_profile(tx.sql(), id);
  };
  auto writing = parts_.database.write(db::Shard(0), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return api::ok(std::move(written.value));
}

Task<Result<api::Reply<api::Nothing>>> Accounts::remove(api::Call<> call) {
  auto change = [this, id = call.principal.user,
                 now = parts_.clock.wall()](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY(const auto user, user_of(tx.sql(), id));
    // Told while the name is still there, and without one: who reads it later reads of a deleted
    // user.
    INDABA_TRY_VOID(queries::anonymise(tx.sql(), id, now));
    INDABA_TRY(const auto nobody, auth::find_user(tx.sql(), id));
    if (!nobody) return Error::internal("a deleted user keeps the row");
    INDABA_TRY(const auto left, orgs::leave_all(tx, {id, nobody->username}));
    INDABA_TRY_VOID(auth::end_sessions(tx, id, SessionId(), false));
    stream::delete_stream(tx, user.me_stream);
    for (const auto& erase : erasers_) {
      INDABA_TRY_VOID(erase(tx, id, now));
    }
    for (const OrgId org : left) parts_.changes.record(tx, api::MembershipEnded{org, id});
    parts_.changes.record(tx, api::UserDisabled{id});
    parts_.changes.record(tx, api::StreamClosed{user.me_stream});
    return {};
  };
  auto writing = parts_.database.write(db::Shard(0), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return api::no_content();
}

Task<Result<api::Reply<MySessions>>> Accounts::list_my_sessions(api::Call<> call) {
  auto query = [user = call.principal.user, now = parts_.clock.wall()](db::Session& session) {
    return auth::list_sessions(session, user, now);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(auto rows, co_await reading);
  MySessions list;
  for (auto& row : rows)
    list.results.push_back({row.id, std::string(auth::to_string(row.kind)), std::move(row.label),
                            std::move(row.address), row.created_at, row.seen_at, row.expires_at,
                            row.id == call.principal.session});
  co_return api::ok(std::move(list));
}

Task<Result<api::Reply<api::Nothing>>> Accounts::end_my_session(api::Call<> call) {
  const SessionId id(call.path.number("id").value_or(0));
  auto change = [this, id, user = call.principal.user](db::WriteTx& tx) {
    return account::end_session(tx, parts_.changes, user, id);
  };
  auto writing = parts_.database.write(db::Shard(0), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  if (!written.value) co_return Error(ErrorKind::not_found, "There is no such session.");
  co_return api::no_content();
}

Task<Result<api::Reply<UnreadView>>> Accounts::unread(api::Call<> call) {
  auto query = [user = call.principal.user](db::Session& session) {
    return orgs::list_orgs_of(session, user);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(const auto orgs, co_await reading);
  UnreadView view;
  for (const auto& [org, role] : orgs) {
    auto counting = unread_.of_org(
        api::Membership{org.id, org.slug, org.name, role, org.notifications}, call.principal.user);
    INDABA_CO_TRY(auto counts, co_await counting);
    view.orgs.push_back({org.id, org.slug, counts.notifications, std::move(counts.rooms)});
  }
  auto conversing = unread_.conversations(call.principal.user);
  INDABA_CO_TRY(view.conversations, co_await conversing);
  co_return api::ok(std::move(view));
}

Task<Result<api::Reply<api::Nothing>>> Accounts::block(api::Call<> call) {
  const UserId other(call.path.number("id").value_or(0));
  auto change = [other, user = call.principal.user,
                 now = parts_.clock.wall()](db::WriteTx& tx) -> Result<void> {
    if (other == user) return Error::invalid_field("id", "Nobody can block themselves.");
    // Who is in none of one's organisations might as well not exist.
    INDABA_TRY(const auto acquainted, orgs::share_an_org(tx.sql(), user, other));
    if (!acquainted) return no_such_user();
    return queries::block(tx.sql(), user, other, now);
  };
  auto writing = parts_.database.write(db::Shard(0), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return api::no_content();
}

Task<Result<api::Reply<api::Nothing>>> Accounts::unblock(api::Call<> call) {
  const UserId other(call.path.number("id").value_or(0));
  auto change = [other, user = call.principal.user](db::WriteTx& tx) {
    return queries::unblock(tx.sql(), user, other);
  };
  auto writing = parts_.database.write(db::Shard(0), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return api::no_content();
}

}  // namespace indaba::account
