#include "feature/orgs/service.hpp"

#include "auth/secrets.hpp"
#include "feature/orgs/queries.hpp"
#include "feature/orgs/rules.hpp"
#include "stream/event_log.hpp"

namespace indaba::orgs {

namespace {

constexpr std::int64_t kMaxOpenInvites = 1'000;

OrgView view_of(const Org& org, auth::Role role) {
  return {org.id, org.slug, org.name, role};
}
MemberView view_of(const MemberRow& row) {
  return {row.user, row.username, row.display_name, row.role, row.joined_at};
}

Acting acting(const auth::Principal& principal, const api::Membership& membership) {
  return {principal.user, membership.role};
}

Error no_such_member() {
  return Error(ErrorKind::not_found, "There is no such member.");
}

// An organisation that was deleted between the gate and the change.
Result<Org> org_of(db::Session& session, OrgId id) {
  INDABA_TRY(auto org, find_org(session, id));
  if (!org) return Error(ErrorKind::not_found, "There is no such organisation.");
  return *std::move(org);
}

Result<MemberRow> member_of(db::Session& session, OrgId org, UserId user) {
  INDABA_TRY(auto row, queries::find_member_row(session, org, user));
  if (!row) return no_such_member();
  return *std::move(row);
}

// The gate answered from memory; inside the change only what the transaction sees counts.
Result<Acting> acting_now(db::Session& session, OrgId org, Acting actor) {
  if (!actor.user) return actor;
  INDABA_TRY(const auto role, find_role(session, org, actor.user));
  if (!role) return Error(ErrorKind::not_found, "There is no such organisation.");
  actor.role = *role;
  return actor;
}

// Would the organisation be without an owner if this member were none any more?
Result<void> keep_an_owner(db::Session& session, OrgId org, auth::Role role) {
  if (role != auth::Role::owner) return {};
  INDABA_TRY(const auto owners, queries::count_owners(session, org));
  if (owners <= 1) return last_owner();
  return {};
}

template <class View, class Row>
std::optional<std::int64_t> cut_page(std::vector<Row>& rows, std::int64_t limit, View id_of) {
  if (rows.size() <= static_cast<std::size_t>(limit)) return std::nullopt;
  rows.pop_back();
  return id_of(rows.back());
}

}  // namespace

Result<std::int64_t> Orgs::begin_of(const PageQuery& query, std::string_view list) const {
  if (!query.cursor) return 0;
  return cursors_.open(query.cursor->str(), list);
}

Task<Result<api::Reply<OrgList>>> Orgs::list(api::Call<api::Nothing, PageQuery> call) {
  const std::int64_t limit = call.query.limit.value();
  const std::string name = fmt::format("orgs:{}", call.principal.user.value);
  INDABA_CO_TRY(const auto after, begin_of(call.query, name));
  auto query = [user = call.principal.user, after, limit](db::Session& session) {
    return queries::page_orgs(session, user, OrgId(after), limit + 1);
  };
  auto reading = database_.read(query);
  INDABA_CO_TRY(auto rows, co_await reading);
  OrgList page;
  if (const auto last = cut_page(rows, limit, [](const auto& row) { return row.org.id.value; }))
    page.next_cursor = cursors_.seal(*last, name);
  for (const auto& row : rows) page.results.push_back(view_of(row.org, row.role));
  co_return api::ok(std::move(page));
}

Task<Result<api::Reply<OrgView>>> Orgs::create(api::Call<CreateOrg> call) {
  if (settings_.only_superusers_create && !call.principal.superuser)
    co_return Error(ErrorKind::forbidden, "Only a superuser may make an organisation here.");
  NewOrg wanted{call.body.slug.str(), call.body.name ? call.body.name->str() : std::string(),
                call.principal.user};
  auto change = [this, wanted, once = call.once](db::WriteTx& tx) -> Result<OrgView> {
    INDABA_TRY(const auto org, create_org(tx, wanted, clock_, random_));
    OrgView view = view_of(org, auth::Role::owner);
    once.keep(tx, [body = json::to_json(view)](std::span<const db::Appended>) {
      return api::KeptAnswer{201, body};
    });
    return view;
  };
  auto writing = database_.write(db::Shard(0), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return api::created(std::move(written.value));
}

Task<Result<api::Reply<OrgView>>> Orgs::show(api::Call<> call) {
  co_return api::ok(OrgView{call.org->org, call.org->slug, call.org->name, call.org->role});
}

Task<Result<api::Reply<OrgView>>> Orgs::change(api::Call<ChangeOrg> call) {
  auto change = [this, id = call.org->org, slug = call.body.slug,
                 name = call.body.name](db::WriteTx& tx) -> Result<Org> {
    INDABA_TRY(auto org, org_of(tx.sql(), id));
    if (slug) org.slug = slug->str();
    if (name) org.name = name->str();
    INDABA_TRY(const auto holder, find_org(tx.sql(), org.slug));
    if (holder && holder->id != id)
      return Error(ErrorKind::conflict, "slug_taken", "This name in the address is taken.");
    INDABA_TRY_VOID(queries::update_org(tx.sql(), id, org.slug, org.name));
    changes_.record(tx, api::OrgChanged{id});
    return org;
  };
  auto writing = database_.write(db::Shard(call.org->org), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  co_return api::ok(view_of(written.value, call.org->role));
}

Task<Result<api::Reply<api::Nothing>>> Orgs::remove(api::Call<> call) {
  auto change = [this, id = call.org->org](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(org_of(tx.sql(), id));
    INDABA_TRY(const auto keys, queries::list_keys(tx.sql(), id));
    INDABA_TRY(const auto streams, queries::list_streams(tx.sql(), id));
    for (const StreamId id_of_stream : streams) stream::delete_stream(tx, id_of_stream);
    INDABA_TRY_VOID(queries::delete_org(tx.sql(), id));
    changes_.record(tx, api::OrgDeleted{id});
    for (const auto& key : keys) changes_.record(tx, api::ApiKeyRevoked{key.id});
    return {};
  };
  auto writing = database_.write(db::Shard(call.org->org), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return api::no_content();
}

Task<Result<api::Reply<MemberList>>> Orgs::list_members(api::Call<api::Nothing, PageQuery> call) {
  const std::int64_t limit = call.query.limit.value();
  const std::string name = fmt::format("members:{}", call.org->org.value);
  INDABA_CO_TRY(const auto after, begin_of(call.query, name));
  auto query = [org = call.org->org, after, limit](db::Session& session) {
    return queries::page_members(session, org, UserId(after), limit + 1);
  };
  auto reading = database_.read(query);
  INDABA_CO_TRY(auto rows, co_await reading);
  MemberList page;
  if (const auto last = cut_page(rows, limit, [](const auto& row) { return row.user.value; }))
    page.next_cursor = cursors_.seal(*last, name);
  for (const auto& row : rows) page.results.push_back(view_of(row));
  co_return api::ok(std::move(page));
}

Task<Result<api::Reply<MemberView>>> Orgs::add_member(api::Call<AddMember> call) {
  if (call.body.username.has_value() == call.body.user_id.has_value())
    co_return Error::invalid_field("username", "Name the user by one of username and user_id.",
                                   "missing_field");
  auto change = [this, body = call.body, id = call.org->org,
                 actor = acting(call.principal, *call.org), who = actor_of(call.principal),
                 once = call.once](db::WriteTx& tx) -> Result<MemberView> {
    INDABA_TRY(const auto now_acting, acting_now(tx.sql(), id, actor));
    INDABA_TRY_VOID(may_add(now_acting, body.role));
    INDABA_TRY(const auto org, org_of(tx.sql(), id));
    UserId user = body.user_id.value_or(UserId());
    if (body.username) {
      INDABA_TRY(const auto found, auth::find_user_by_name(tx.sql(), body.username->str()));
      if (found) user = found->id;
    }
    INDABA_TRY_VOID(orgs::add_member(tx, org, user, body.role, who, clock_));
    INDABA_TRY(const auto row, member_of(tx.sql(), id, user));
    MemberView view = view_of(row);
    once.keep(tx, [text = json::to_json(view)](std::span<const db::Appended>) {
      return api::KeptAnswer{201, text};
    });
    return view;
  };
  auto writing = database_.write(db::Shard(call.org->org), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return api::created(std::move(written.value));
}

Task<Result<api::Reply<MemberView>>> Orgs::change_member(api::Call<ChangeMember> call) {
  const UserId user(call.path.number("user_id").value_or(0));
  auto change = [this, user, given = call.body.role, id = call.org->org,
                 actor = acting(call.principal, *call.org),
                 who = actor_of(call.principal)](db::WriteTx& tx) -> Result<MemberView> {
    INDABA_TRY(const auto org, org_of(tx.sql(), id));
    INDABA_TRY(const auto now_acting, acting_now(tx.sql(), id, actor));
    INDABA_TRY(auto row, member_of(tx.sql(), id, user));
    INDABA_TRY_VOID(may_change_role(now_acting, {user, row.role}, given));
    if (row.role == given) return view_of(row);
    INDABA_TRY_VOID(keep_an_owner(tx.sql(), id, row.role));
    INDABA_TRY_VOID(queries::update_role(tx.sql(), id, user, given));
    INDABA_TRY_VOID(tell_of_member(
        tx, org, {"member_role_changed", {user, row.username}, given, row.role, who}));
    row.role = given;
    changes_.record(tx, api::RoleChanged{id, user});
    return view_of(row);
  };
  auto writing = database_.write(db::Shard(call.org->org), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return api::ok(std::move(written.value));
}

Task<Result<api::Reply<api::Nothing>>> Orgs::remove_member(api::Call<> call) {
  const UserId user(call.path.number("user_id").value_or(0));
  auto change = [this, user, id = call.org->org, actor = acting(call.principal, *call.org),
                 who = actor_of(call.principal)](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY(const auto org, org_of(tx.sql(), id));
    INDABA_TRY(const auto now_acting, acting_now(tx.sql(), id, actor));
    INDABA_TRY(const auto row, member_of(tx.sql(), id, user));
    INDABA_TRY_VOID(may_remove(now_acting, {user, row.role}));
    INDABA_TRY_VOID(keep_an_owner(tx.sql(), id, row.role));
    INDABA_TRY_VOID(queries::delete_member(tx.sql(), id, user));
    changes_.record(tx, api::MembershipEnded{id, user});
    return tell_of_member(
        tx, org, {"member_removed", {user, row.username}, std::nullopt, std::nullopt, who});
  };
  auto writing = database_.write(db::Shard(call.org->org), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return api::no_content();
}

Task<Result<api::Reply<InviteView>>> Orgs::invite(api::Call<CreateInvite> call) {
  const WallTime now = clock_.wall();
  const std::string code = auth::new_secret(random_);
  InviteView view{code, fmt::format("{}/invite/{}", settings_.public_url, code),
                  now + std::chrono::seconds(call.body.expires_in.value()),
                  call.body.max_uses.value()};
  auto change = [view, now, org = call.org->org,
                 user = call.principal.user](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(queries::purge_invites(tx.sql(), org, now));
    INDABA_TRY(const auto open, queries::count_invites(tx.sql(), org));
    if (open >= kMaxOpenInvites)
      return Error(ErrorKind::conflict, "too_many_invites",
                   "An organisation has at most 1000 open invitations.");
    return queries::insert_invite(tx.sql(), org, auth::hash_secret(view.code), user, view.max_uses,
                                  now, view.expires_at);
  };
  auto writing = database_.write(db::Shard(call.org->org), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return api::created(std::move(view));
}

Task<Result<api::Reply<OrgView>>> Orgs::accept(api::Call<> call) {
  auto change = [this, code = std::string(call.path.text("code")),
                 user = Actor{call.principal.user, call.principal.username}](db::WriteTx& tx) {
    return use_invite(tx, code, user, clock_);
  };
  auto writing = database_.write(db::Shard(0), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  co_return api::ok(view_of(written.value.org, written.value.role));
}

Task<Result<api::Reply<ApiKeyList>>> Orgs::list_keys(api::Call<> call) {
  auto query = [org = call.org->org](db::Session& session) {
    return queries::list_keys(session, org);
  };
  auto reading = database_.read(query);
  INDABA_CO_TRY(auto rows, co_await reading);
  ApiKeyList list;
  for (auto& row : rows)
    list.results.push_back({row.id, std::move(row.name), std::move(row.scopes), row.created_at});
  co_return api::ok(std::move(list));
}

Task<Result<api::Reply<CreatedApiKey>>> Orgs::create_key(api::Call<CreateApiKey> call) {
  auto change = [body = call.body, org = call.org->org, user = call.principal.user,
                 now = clock_.wall(),
                 secret = auth::new_secret(random_, auth::kApiKeyPrefix)](db::WriteTx& tx) {
    return create_api_key(tx, org, body.name.str(), body.scopes, user, secret, now);
  };
  auto writing = database_.write(db::Shard(call.org->org), change);
  INDABA_CO_TRY(auto written, co_await writing);
  auto& made = written.value;
  co_return api::created(CreatedApiKey{made.id, std::move(made.name), std::move(made.scopes),
                                       made.created_at, std::move(made.key)});
}

Task<Result<api::Reply<api::Nothing>>> Orgs::delete_key(api::Call<> call) {
  const ApiKeyId key(call.path.number("id").value_or(0));
  auto change = [this, key, org = call.org->org](db::WriteTx& tx) -> Result<bool> {
    INDABA_TRY(const bool deleted, queries::delete_key(tx.sql(), org, key));
    if (deleted) changes_.record(tx, api::ApiKeyRevoked{key});
    return deleted;
  };
  auto writing = database_.write(db::Shard(call.org->org), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  if (!written.value) co_return Error(ErrorKind::not_found, "There is no such API key.");
  co_return api::no_content();
}

}  // namespace indaba::orgs
