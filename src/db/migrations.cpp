#include "db/migrations.hpp"

#include "base/check.hpp"
#include "db/embedded_migrations.hpp"

#include <charconv>
#include <openssl/evp.h>

namespace indaba::db {

namespace {

constexpr std::string_view kCreateTable =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    " version bigint PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at bigint "
    "NOT NULL)";
constexpr std::string_view kTableExistsSqlite =
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'";
constexpr std::string_view kTableExistsPostgres =
    "SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL";
// Whoever comes second waits here, and then finds the work done.
constexpr std::string_view kOneAtATime = "SELECT pg_advisory_xact_lock(1768842852, 1)";
constexpr std::string_view kApplied =
    "SELECT version, name, checksum, applied_at FROM schema_migrations ORDER BY version";
constexpr std::string_view kRecord =
    "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";

struct Applied {
  int version;
  std::string name;
  std::string checksum;
  WallTime at;
};

std::string checksum(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  check(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1,
        "SHA-256 is always there");
  std::string hex;
  for (unsigned i = 0; i < 16; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

Error cannot_migrate(std::string sentence) {
  Error error(ErrorKind::conflict, "schema_mismatch", std::move(sentence));
  error.log = error.detail;
  return error;
}

// "0001_streams.sqlite.sql" -> version, name, and whether it is for `dialect`.
std::optional<Migration> parse(const EmbeddedMigration& embedded, Dialect dialect) {
  const auto file = embedded.file;
  Migration migration;
  const auto underscore = file.find('_');
  const auto dot = file.find('.');
  check(underscore != std::string_view::npos && dot != std::string_view::npos && underscore < dot,
        "a migration is called 0001_name.sql");
  std::from_chars(file.data(), file.data() + underscore, migration.version);
  check(migration.version > 0, "migrations are numbered from 0001");
  migration.name = file.substr(underscore + 1, dot - underscore - 1);
  migration.sql = embedded.sql;
  const auto kind = file.substr(dot);
  if (kind == ".sql") return migration;
  const bool ours = kind == (dialect == Dialect::sqlite ? ".sqlite.sql" : ".postgres.sql");
  return ours ? std::optional(migration) : std::nullopt;
}

Result<std::vector<Applied>> applied_migrations(Session& session) {
  return session.all<Applied>(kApplied, [](const Row& row) {
    return Applied{static_cast<int>(row.int64(0)), row.string(1), row.string(2),
                   from_millis(row.int64(3))};
  });
}

Result<void> apply(Session& session, const RunScript& script, const Migration& migration,
                   const Clock& clock) {
  auto done = script(std::string(migration.sql));
  if (done)
    done = session.execute(kRecord, migration.version, migration.name, checksum(migration.sql),
                           to_millis(clock.wall()));
  if (done) return {};
  Error error = std::move(done).error();
  error.log =
      fmt::format("migration {} ({}) failed: {}", migration.version, migration.name, error.log);
  return error;
}

// Inside a transaction. False where nothing is pending.
Result<bool> apply_next(Session& session, const RunScript& script, std::span<const Migration> known,
                        const Clock& clock) {
  if (session.dialect() == Dialect::postgres) {
    INDABA_TRY_VOID(session.execute(kOneAtATime));
  }
  INDABA_TRY_VOID(session.execute(kCreateTable));
  INDABA_TRY(const auto status, schema_status(session, known));
  const auto pending = std::ranges::find_if(
      status.migrations, [](const MigrationState& m) { return m.applied_at.empty(); });
  if (pending == status.migrations.end()) return false;
  if (pending->version < status.database)
    return cannot_migrate(fmt::format(
        "Schema version {} is missing below version {}: the database was migrated by another "
        "build of this program.",
        pending->version, status.database));
  const auto& migration = *std::ranges::find_if(
      known, [&](const Migration& m) { return m.version == pending->version; });
  INDABA_TRY_VOID(apply(session, script, migration, clock));
  return true;
}

}  // namespace

std::vector<Migration> compiled_migrations(Dialect dialect) {
  std::vector<Migration> found;
  for (const auto& embedded : embedded_migrations())
    if (auto migration = parse(embedded, dialect)) found.push_back(*migration);
  std::sort(found.begin(), found.end(),
            [](const Migration& a, const Migration& b) { return a.version < b.version; });
  for (std::size_t i = 1; i < found.size(); ++i)
    check(found[i - 1].version != found[i].version, "two migrations have one number");
  return found;
}

Result<SchemaStatus> schema_status(Session& session, std::span<const Migration> known) {
  SchemaStatus status;
  if (!known.empty()) status.program = known.back().version;
  std::vector<Applied> applied;
  const auto exists =
      session.dialect() == Dialect::sqlite ? kTableExistsSqlite : kTableExistsPostgres;
  INDABA_TRY(auto table, session.first<int>(exists, [](const Row&) { return 1; }));
  if (table) {
    INDABA_TRY(applied, applied_migrations(session));
  }
  for (const auto& old : applied) {
    status.database = old.version;
    const auto same = std::find_if(known.begin(), known.end(),
                                   [&](const Migration& m) { return m.version == old.version; });
    if (same == known.end())
      return cannot_migrate(fmt::format(
          "The database has schema version {} ({}), this program knows up to {}. Start the "
          "release that last used it, or restore a backup from before the upgrade.",
          old.version, old.name, status.program));
    if (checksum(same->sql) != old.checksum)
      return cannot_migrate(fmt::format(
          "Schema version {} ({}) of the database was made by another build of this program. "
          "Start that build, or restore a backup.",
          old.version, old.name));
    status.migrations.push_back({old.version, old.name, to_rfc3339(old.at)});
  }
  for (const auto& migration : known)
    if (std::none_of(applied.begin(), applied.end(),
                     [&](const Applied& old) { return old.version == migration.version; }))
      status.migrations.push_back({migration.version, std::string(migration.name), ""});
  return status;
}

Result<int> migrate_up(TransactionalSession& session, const RunScript& script,
                       std::span<const Migration> known, const Clock& clock) {
  for (int count = 0;; ++count) {
    INDABA_TRY_VOID(session.begin());
    const auto applied = apply_next(session, script, known, clock);
    if (!applied || !*applied) {
      session.rollback();
      if (!applied) return applied.error();
      return count;
    }
    Error why;
    if (session.commit(why) != CommitOutcome::committed) return why;
  }
}

}  // namespace indaba::db
