#include "app/demo.hpp"

#include "auth/password.hpp"
#include "base/crypto.hpp"
#include "db/blocking.hpp"
#include "feature/account/account.hpp"
#include "feature/chat/chat.hpp"
#include "feature/orgs/orgs.hpp"

#include <fstream>
#include <iterator>

namespace indaba::app {

namespace {

constexpr std::size_t kPasswordBytes = 9;

Result<void> write_private(const std::filesystem::path& file, const std::string& text) {
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  std::ofstream out(file, std::ios::binary);
  std::filesystem::permissions(
      file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, ignored);
  out << text << '\n';
  out.close();
  if (!out)
    return Error(ErrorKind::unavailable, "cannot write the demo's password to " + file.string());
  return {};
}

std::optional<std::string> read_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line) || line.empty()) return std::nullopt;
  return line;
}

Result<bool> is_empty(db::Database& database) {
  auto found = db::read_blocking(database, [](db::Session& session) {
    return session.first<std::int64_t>("SELECT id FROM users LIMIT 1",
                                       [](const db::Row& row) { return row.int64(0); });
  });
  if (!found) return std::move(found).error();
  return !found->has_value();
}

}  // namespace

Result<std::optional<std::string>> ensure_demo(db::Database& database,
                                               const std::filesystem::path& password_file,
                                               std::optional<std::string> wanted,
                                               const Clock& clock, Random& random) {
  INDABA_TRY(const bool empty, is_empty(database));
  if (!empty) return read_line(password_file);
  const std::string password = wanted ? *wanted : crypto::random_token(random, kPasswordBytes);
  INDABA_TRY_VOID(auth::check_new_password(password, "anna", "INDABA_DEMO_PASSWORD"));
  INDABA_TRY(const auto hash, auth::blocking_hash_password(password));
  INDABA_TRY_VOID(write_private(password_file, password));
  auto written = db::write_blocking(database, db::Shard(), [&](db::WriteTx& tx) -> Result<void> {
    const auto person = [&](std::string name, std::string shown) {
      auth::NewUser user;
      user.username = std::move(name);
      user.display_name = std::move(shown);
      user.password_hash = hash;
      return account::create_account(tx, user, clock, random);
    };
    INDABA_TRY(const auto anna, person("anna", "Anna"));
    INDABA_TRY(const auto ben, person("ben", "Ben"));
    INDABA_TRY(const auto carla, person("carla", "Carla"));
    INDABA_TRY(
        const auto org,
        orgs::create_org(tx, {.slug = "demo", .name = "Demo", .owner = anna.id}, clock, random));
    const orgs::Actor actor{anna.id, anna.username};
    INDABA_TRY_VOID(orgs::add_member(tx, org, ben.id, auth::Role::member, actor, clock));
    INDABA_TRY_VOID(orgs::add_member(tx, org, carla.id, auth::Role::member, actor, clock));
    chat::NewRoom general;
    general.slug = json::Slug("general");
    general.name = chat::RoomName("General");
    const api::Membership home{org.id, org.slug, org.name, auth::Role::owner, org.notifications};
    INDABA_TRY_VOID(chat::create_room(tx, home, general, clock, random));
    return {};
  });
  if (!written) return std::move(written).error();
  return std::optional(password);
}

}  // namespace indaba::app
