#include "app/admin.hpp"

#include "app/admin_arguments.hpp"
#include "app/admin_schedule.hpp"
#include "app/storage.hpp"
#include "auth/password.hpp"
#include "auth/secrets.hpp"
#include "auth/sessions.hpp"
#include "auth/users.hpp"
#include "base/text.hpp"
#include "db/blocking.hpp"
#include "db/migrations.hpp"
#include "feature/account/account.hpp"
#include "feature/orgs/orgs.hpp"
#include "ops/backup.hpp"

#include <fmt/format.h>

namespace indaba::app {

namespace {

using boost::json::object;
using boost::json::value;

// A field's error speaks to a form; a command has none, so the field's name goes in front.
Error explained(Error error) {
  if (!error.fields.empty())
    error.detail = error.fields.front().field + " " + error.fields.front().message;
  return error;
}

Result<auth::User> known_user(db::Session& session, const std::string& name) {
  INDABA_TRY(auto user, auth::find_user_by_name(session, name));
  if (!user || !user->active)
    return Error(ErrorKind::not_found, fmt::format("there is no user {}", name));
  return *std::move(user);
}

Result<orgs::Org> known_org(db::Session& session, const std::string& slug) {
  INDABA_TRY(auto org, orgs::find_org(session, slug));
  if (!org) return Error(ErrorKind::not_found, fmt::format("there is no organisation {}", slug));
  return *std::move(org);
}

Result<value> create_user(const AdminParts& parts, const object& arguments) {
  auth::NewUser user;
  user.username = text_of(arguments, "username");
  user.superuser = flag_of(arguments, "superuser");
  const auto password = text_of(arguments, "password");
  if (!auth::is_username(user.username))
    return Error(
        ErrorKind::invalid,
        fmt::format("{} is no user name: 1 to 64 letters, digits and _.-@+", user.username));
  INDABA_TRY_VOID(auth::check_new_password(password, user.username, "password"));
  INDABA_TRY(user.password_hash, auth::blocking_hash_password(password));
  const auto change = [&](db::WriteTx& tx) {
    return account::create_account(tx, user, parts.clock, parts.random);
  };
  auto made = db::write_blocking(parts.database, db::Shard(), change);
  if (!made && made.error().kind == ErrorKind::conflict)
    return Error(ErrorKind::conflict, "username_taken",
                 fmt::format("there is a user {} already", user.username));
  if (!made) return std::move(made).error();
  return object{{"id", made->value.id.value}, {"username", made->value.username}};
}

Result<value> set_password(const AdminParts& parts, const object& arguments) {
  const auto username = text_of(arguments, "username");
  const auto password = text_of(arguments, "password");
  INDABA_TRY_VOID(auth::check_new_password(password, username, "password"));
  INDABA_TRY(const auto hash, auth::blocking_hash_password(password));
  const auto change = [&](db::WriteTx& tx) -> Result<std::vector<SessionId>> {
    INDABA_TRY(const auto user, known_user(tx.sql(), username));
    return account::set_password(tx, parts.changes, user.id, hash, SessionId());
  };
  INDABA_TRY(const auto ended, db::write_blocking(parts.database, db::Shard(), change));
  return object{{"sessions_ended", ended.value.size()}};
}

Result<value> create_org(const AdminParts& parts, const object& arguments) {
  const auto slug = text_of(arguments, "slug");
  const auto name = text_of(arguments, "name");
  if (!text::is_slug(slug))
    return Error(
        ErrorKind::invalid,
        fmt::format(
            "{} is no slug: 1 to 64 of a-z, 0-9, - and _, with a letter or digit at both ends",
            slug));
  const auto change = [&](db::WriteTx& tx) -> Result<orgs::Org> {
    INDABA_TRY(const auto owner, known_user(tx.sql(), text_of(arguments, "owner")));
    return orgs::create_org(tx, {slug, name.empty() ? slug : name, owner.id}, parts.clock,
                            parts.random);
  };
  auto made = db::write_blocking(parts.database, db::Shard(), change);
  if (!made && made.error().kind == ErrorKind::conflict)
    return Error(ErrorKind::conflict, "slug_taken",
                 fmt::format("there is an organisation {} already", slug));
  if (!made) return std::move(made).error();
  return object{{"id", made->value.id.value}, {"slug", slug}};
}

Result<value> create_key(const AdminParts& parts, const object& arguments) {
  std::vector<std::string> scopes;
  const auto wanted = text_of(arguments, "scopes");  // outlives the parts of it
  for (const auto scope : text::split(wanted, ','))
    if (!text::trim(scope).empty()) scopes.emplace_back(text::trim(scope));
  const auto name = text_of(arguments, "name");
  const auto secret = auth::new_secret(parts.random, auth::kApiKeyPrefix);
  const auto change = [&](db::WriteTx& tx) -> Result<orgs::NewApiKey> {
    INDABA_TRY(const auto org, known_org(tx.sql(), text_of(arguments, "org")));
    return orgs::create_api_key(tx, org.id, name.empty() ? "command line" : name, scopes, UserId(),
                                secret, parts.clock.wall());
  };
  INDABA_TRY(const auto made, db::write_blocking(parts.database, db::Shard(), change));
  return object{{"key", made.value.key}};
}

Result<value> create_token(const AdminParts& parts, const object& arguments) {
  const auto lifetime = Millis(number_of(arguments, "ttl_ms"));
  if (lifetime <= Millis(0))
    return Error(ErrorKind::invalid, "a token's --ttl must be longer than nothing");
  const auto session =
      auth::new_session(auth::SessionKind::personal, parts.random, {"command line", ""}, lifetime);
  const auto change = [&](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY(const auto user, known_user(tx.sql(), text_of(arguments, "user")));
    INDABA_TRY(const auto started, auth::start_session(tx, user.id, session, parts.clock.wall()));
    for (const auto id : started.ended) parts.changes.record(tx, api::SessionRevoked{user.id, id});
    return {};
  };
  INDABA_TRY_VOID(db::write_blocking(parts.database, db::Shard(), change));
  return object{{"token", session.secret}};
}

Result<value> make_backup(const AdminParts& parts, const object& arguments) {
  if (parts.database.dialect() != db::Dialect::sqlite)
    return only_embedded("indaba backup", "pg_dump");
  INDABA_TRY(const auto report, ops::backup(parts.database_file, text_of(arguments, "file")));
  return object{{"file", report.file.string()},
                {"bytes", report.bytes},
                {"sha256", report.sha256},
                {"events", report.events}};
}

Result<value> schema_status(const AdminParts& parts, const object&) {
  const auto query = [](db::Session& session) -> Result<db::SchemaStatus> {
    return db::schema_status(session, db::compiled_migrations(session.dialect()));
  };
  INDABA_TRY(const auto status, db::read_blocking(parts.database, query));
  return object{{"database", status.database}, {"program", status.program}};
}

}  // namespace

ops::ControlHandlers admin_handlers(AdminParts parts) {
  using Action = Result<value> (*)(const AdminParts&, const object&);
  ops::ControlHandlers handlers;
  const auto add = [&](const char* name, Action action) {
    handlers[name] = [parts, action](const object& arguments) -> Result<value> {
      auto done = action(parts, arguments);
      if (done) return done;
      return explained(std::move(done).error());
    };
  };
  add("user.create", &create_user);
  add("user.password", &set_password);
  add("org.create", &create_org);
  add("key.create", &create_key);
  add("token.create", &create_token);
  add("backup", &make_backup);
  add("migrate.status", &schema_status);
  add_job_handlers(handlers, parts.jobs);
  add_schedule_handler(handlers, parts.database);
  return handlers;
}

}  // namespace indaba::app
